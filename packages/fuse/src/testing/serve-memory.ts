/**
 * A process that serves a `MemoryFileSystem` on descriptor 3: `node serve-memory.ts <session JSON or -> [identity JSON]`.
 * Its standard input takes one command a line: `slow` (finish slow lookups), `change INO TEXT`, `add NAME`, `view TOKEN`.
 */
import {
  Worker,
  isMainThread,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import { EventNotes } from '../event-notes.ts';
import type { Identity } from '../identity.ts';
import { KnownNodes } from '../known-nodes.ts';
import { writeNotifications } from '../notifier.ts';
import { ServingLoop } from '../serve.ts';
import { openEventFd, signalEventFd } from '../system-calls.ts';
import { ViewNames } from '../view-names.ts';
import { MemoryFileSystem } from './memory-file-system.ts';

const fuse = 3;

interface Commands {
  wakeFd: number;
  session: string;
  identity: Identity;
}

if (isMainThread) main();
else serve(workerData as Commands);

/** The main thread reads commands and writes notifications; the worker serves. */
function main(): void {
  const wakeFd = openEventFd();
  const commands: Commands = {
    wakeFd,
    session: process.argv[2]!,
    identity: JSON.parse(process.argv[3] ?? '{"kind":"own"}'),
  };
  const worker = new Worker(new URL(import.meta.url), { workerData: commands });
  worker.on('message', (message: Uint8Array | string) => {
    if (typeof message === 'string') console.log(message);
    else writeNotifications(fuse, message, (text) => console.error(text));
  });
  worker.on('exit', (code) => process.exit(code));
  process.stdin.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n').filter(Boolean)) worker.postMessage(line);
    signalEventFd(wakeFd);
  });
}

function serve(commands: Commands): void {
  const port = parentPort!;
  const fresh = commands.session === '-';
  const nodes = new KnownNodes(fresh);
  const notes = new EventNotes(nodes, (batch) => port.postMessage(batch));
  const fileSystem = new MemoryFileSystem(notes);
  const viewNames = new ViewNames();
  const loop = new ServingLoop({
    fd: fuse,
    wakeFd: commands.wakeFd,
    fileSystem,
    nodes,
    notes,
    viewNames,
    identity: commands.identity,
    session: fresh ? undefined : JSON.parse(commands.session),
    resumed: !fresh,
    onSession: (session) => port.postMessage(`session ${JSON.stringify(session)}`),
    work: {
      drain: () => {
        for (let m = receiveMessageOnPort(port); m !== undefined; m = receiveMessageOnPort(port))
          if (!command(m.message as string)) return false;
        return true;
      },
      settled: () => Infinity,
      tick: () => {},
      accepts: () => true,
    },
    log: (level, message) => port.postMessage(`${level} ${message}`),
  });
  port.postMessage(`end ${loop.run()}`);

  function command(line: string): boolean {
    const [verb, first, second] = line.split(' ');
    switch (verb) {
      case 'slow':
        fileSystem.finishSlow();
        return true;
      case 'change':
        fileSystem.changeBehind(Number(first), Buffer.from(second ?? ''));
        return true;
      case 'add':
        fileSystem.addBehind(1, first!);
        return true;
      case 'view': {
        const view = fileSystem.addView({ id: first! });
        nodes.addView(view);
        viewNames.add(first!, view);
        port.postMessage(`view ${view}`);
        return true;
      }
      case 'references':
        port.postMessage(`references ${fileSystem.references.size}`);
        return true;
      default:
        return false;
    }
  }
}
