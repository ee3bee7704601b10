/** A service of Restate's on the port given; the server calls it. */
const [port = ''] = process.argv.slice(2);

interface Restate {
  service(definition: {
    name: string;
    handlers: Record<string, (context: Context, input: number) => Promise<unknown>>;
  }): unknown;
  serve(options: { services: unknown[]; port: number }): Promise<number>;
}

interface Context {
  run<R>(name: string, step: () => Promise<R>): Promise<R>;
}

// By a variable: it is not there for the compiler.
const sdk = '@restatedev/restate-sdk';
const restate = (await import(sdk)) as Restate;
const service = restate.service({
  name: 'bench',
  handlers: {
    steps: async (context, count) => {
      const tookMs: number[] = [];
      for (let index = 0; index < count; index++) {
        const start = performance.now();
        await context.run('step', async () => index);
        tookMs.push(performance.now() - start);
      }
      return tookMs;
    },
  },
});
await restate.serve({ services: [service], port: Number(port) });
process.send!('ready');
