/** DBOS with its database, in a process of its own: answers each message with what its steps took. */
const [url = ''] = process.argv.slice(2);

interface Dbos {
  DBOS: {
    setConfig(config: Record<string, unknown>): void;
    registerWorkflow<T, R>(
      workflow: (input: T) => Promise<R>,
      options: { name: string },
    ): (input: T) => Promise<R>;
    runStep<R>(step: () => Promise<R>, options: { name: string }): Promise<R>;
    launch(): Promise<void>;
  };
}

// By a variable: it is not there for the compiler.
const sdk = '@dbos-inc/dbos-sdk';
const { DBOS } = (await import(sdk)) as Dbos;
DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, logLevel: 'error', runAdminServer: false });
const workflow = DBOS.registerWorkflow(
  async (count: number) => {
    const tookMs: number[] = [];
    for (let index = 0; index < count; index++) {
      const start = performance.now();
      await DBOS.runStep(async () => index, { name: 'step' });
      tookMs.push(performance.now() - start);
    }
    return tookMs;
  },
  { name: 'steps' },
);
await DBOS.launch();
process.on('message', async (count: number) => {
  const start = performance.now();
  const stepsMs = await workflow(count);
  process.send!({ stepsMs, executionMs: performance.now() - start });
});
process.send!('ready');
