/**
 * A process that serves a `MemoryFileSystem` on descriptor 3: `node serve-memory.ts <session JSON or -> [identity JSON]`.
 * Its standard input takes one command a line: `slow` (finish slow lookups), `change INO TEXT`, `add NAME`, `view TOKEN`.
 */
import { spawn } from 'node:child_process';
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
import { NotificationPipe, runNotifier } from '../notifier.ts';
import { ServingLoop } from '../serve.ts';
import { openEventFd, openSocketPair, signalEventFd } from '../system-calls.ts';
import { ViewNames } from '../view-names.ts';
import { MemoryFileSystem } from './memory-file-system.ts';

const fuse = 3;

interface Commands {
  wakeFd: number;
  notifierSocket: number;
  session: string;
  identity: Identity;
}

if (process.argv[2] === 'notifier') runNotifier(4, fuse, (text) => console.error(text));
else if (isMainThread) main();
else serve(workerData as Commands);

/** The main thread reads commands, the worker serves, another process writes notifications. */
function main(): void {
  const wakeFd = openEventFd();
  const [ours, theirs] = openSocketPair();
  const commands: Commands = {
    wakeFd,
    notifierSocket: ours,
    session: process.argv[2]!,
    identity: JSON.parse(process.argv[3] ?? '{"kind":"own"}'),
  };
  const worker = new Worker(new URL(import.meta.url), { workerData: commands });
  worker.on('message', (message: string) => {
    if (message !== 'notifier wanted') return console.log(message);
    const notifier = spawn(process.execPath, [process.argv[1]!, 'notifier'], {
      stdio: ['ignore', 'ignore', 'inherit', fuse, theirs],
    });
    console.log(`notifier ${notifier.pid}`);
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
  const notifications = new NotificationPipe(commands.notifierSocket, fuse, () =>
    port.postMessage('notifier wanted'),
  );
  const notes = new EventNotes(nodes, (batch, count) => notifications.send(batch, count));
  const fileSystem = new MemoryFileSystem(notes);
  const viewNames = new ViewNames();
  const loop = new ServingLoop({
    fd: fuse,
    wakeFd: commands.wakeFd,
    fileSystem,
    nodes,
    notes,
    notifications,
    viewNames,
    hasViews: true,
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
    now: () => performance.now(),
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
        const view = fileSystem.addView();
        nodes.addView(view, fileSystem.viewRoot(view));
        notifications.prepare();
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
