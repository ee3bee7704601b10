/**
 * Entry of the serving thread: opens the file system, makes the views, then answers the kernel until it is
 * told to stop or the mount is gone. Owns all state; everything here is synchronous.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { FileSystem, KeyNamesFixed, createPlanner, received } from '@moorage/file-system';
import {
  EventNotes,
  KnownNodes,
  NotificationPipe,
  ServingLoop,
  ViewNames,
  hasInput,
  openEventFd,
  openSocketPair,
} from '@moorage/fuse';
import { claimDataDirectory, keepSession, keptSession } from './data-directory.ts';
import { FileSystemServerError } from './file-system-server.ts';
import type { FileConflict } from './file-system-server.ts';
import { mountDescriptor } from './server-process.ts';
import { ServingFlusher } from './serving-flusher.ts';
import { ServingRequests } from './serving-requests.ts';
import type { FromServing, ServingStart, ToServing } from './thread-messages.ts';
import { wallClock } from './wall-clock.ts';

const { configuration } = workerData as ServingStart;
const port = parentPort!;

/** How often a directory in use is listed again (more rarely when it is idle, or the store tells of changes). */
const relistMs = 5_000;
/** Housekeeping of the store waits this long for quiet. */
const maintainMs = 200;
/** Modes of objects that do not say (as S3 Files has them). */
const modes = { fileMode: 0o644, directoryMode: 0o755 };

try {
  serve();
} catch (error) {
  // What the user can put right is said; a defect ends the process.
  if (error instanceof FileSystemServerError) {
    say({ kind: 'failed', code: error.code, message: error.message });
  } else if (error instanceof KeyNamesFixed) {
    say({ kind: 'failed', code: 'DATA_DIRECTORY_UNUSABLE', message: error.message });
  } else throw error;
}

function serve(): void {
  const { bucket } = configuration.bucket;
  const fileSystemId = claimDataDirectory(configuration.dataDir, {
    bucket,
    prefix: configuration.prefix,
  });
  const wakeFd = openEventFd();
  const [notifierSocket, theirs] = openSocketPair();
  say({ kind: 'opened', wakeFd, notifierSocket: theirs });
  const clock = wallClock();
  const session = configuration.restarted
    ? keptSession(configuration.dataDir, configuration.mountId)
    : undefined;
  const nodes = new KnownNodes(!configuration.restarted);
  const notifications = new NotificationPipe(notifierSocket, mountDescriptor, () =>
    say({ kind: 'notifier-wanted' }),
  );
  const notes = new EventNotes(nodes, (batch, count) => notifications.send(batch, count));
  const flusher = new ServingFlusher({
    wanted: () => say({ kind: 'flusher-wanted', shared: flusher.shared }),
    flushed: (failed) => fileSystem.flushed(failed),
    handled: () => loop.handled,
    isAsked: () => hasInput(mountDescriptor),
    now: () => performance.now(),
  });
  const { fsync, owner } = configuration;
  const fileSystem: FileSystem = new FileSystem({
    dir: configuration.dataDir,
    clock,
    events: notes,
    readOnly: configuration.readOnly,
    remote: true,
    id: fileSystemId,
    root: { ...owner, mode: 0o755 },
    rootIsPrefix: configuration.prefix !== '',
    flusher,
    fsync,
  });
  if (!configuration.restarted) fileSystem.freshSession();
  const conflicts: FileConflict[] = [];
  const planner = createPlanner(fileSystem.tree, {
    bucket,
    prefix: configuration.prefix,
    quietMs: configuration.quietMs,
    maxAgeMs: configuration.maxAgeMs,
    fileSystemId,
    cacheBytesMax: configuration.cacheBytesMax,
    relistMs,
    escapeKeys: configuration.escapeKeys,
    defaults: { ...owner, ...modes },
    clock,
    random: Math.random,
    log: (message) => say({ kind: 'log', level: 'warn', message }),
    onConflict: (conflict) => void conflicts.push(conflict),
  });
  fileSystem.attach(planner);
  // Later ones go on with what was put meanwhile.
  if (configuration.synchronization !== undefined && !configuration.restarted)
    planner.configure(configuration.synchronization, true);

  const viewNames = new ViewNames();
  let stopped = false;
  const requests: ServingRequests = new ServingRequests({
    fileSystem,
    planner,
    nodes,
    notifications,
    viewNames,
    fileSystemId,
    traffic: () => loop.traffic.report(),
    whenReady: (waitId, repeat) => loop.whenReady(waitId, repeat),
    reply: (id, reply) => say({ kind: 'reply', id, reply }),
  });
  let maintainAt = 0;
  /** Requests of the kernel and messages of the main thread: so far, and when `maintain` was last called. */
  let messages = 0;
  let done = 0;
  const loop: ServingLoop = new ServingLoop({
    fd: mountDescriptor,
    wakeFd,
    fileSystem,
    nodes,
    notes,
    notifications,
    viewNames,
    hasViews: configuration.hasAccessPoints,
    identity: configuration.identity,
    session,
    resumed: configuration.restarted,
    onSession(agreed) {
      keepSession(configuration.dataDir, configuration.mountId, agreed);
      say({ kind: 'session', session: agreed });
    },
    work: {
      drain() {
        flusher.takeOutcome();
        for (let m = receiveMessageOnPort(port); m !== undefined; m = receiveMessageOnPort(port))
          take(m.message as ToServing);
        return !stopped;
      },
      settled() {
        // What they tell of has been committed by now.
        if (conflicts.length > 0)
          for (const conflict of conflicts.splice(0)) say({ kind: 'conflict', conflict });
        const jobs = planner.take();
        if (jobs.length > 0) say({ kind: 'jobs', jobs });
        const now = clock.now();
        if (maintainAt === Infinity && loop.handled + messages !== done) {
          maintainAt = now + maintainMs;
        }
        return Math.min(planner.nextDeadline(), maintainAt) - now;
      },
      tick() {
        const now = clock.now();
        if (planner.nextDeadline() <= now) planner.tick(now);
        if (maintainAt > now) return;
        const before = done;
        done = loop.handled + messages;
        maintainAt = now + fileSystem.maintain(done === before);
      },
      accepts: () => requests.viewsReady,
    },
    now: () => performance.now(),
    log: (level, message) => say({ kind: 'log', level, message }),
  });

  requests.addViews(configuration.accessPoints, configuration.restarted, (failed) => {
    if (failed !== undefined) say({ kind: 'failed', ...failed });
    else say({ kind: 'serving' });
  });
  const why = loop.run();
  fileSystem.close();
  if (why === 'kernel-too-old')
    say({
      kind: 'failed',
      code: 'START_FAILED',
      message: 'this kernel is too old for the mount: Linux 5.2 or newer is needed',
    });
  say({ kind: 'ended', why: why === 'stopped' ? 'stopped' : 'unmounted' });
  port.close();

  function take(message: ToServing): void {
    messages++;
    switch (message.kind) {
      case 'results':
        return planner.apply(received(message.results));
      case 'request':
        return requests.take(message.id, message.request);
      case 'stop':
        stopped = true;
    }
  }
}

function say(message: FromServing): void {
  port.postMessage(message);
}
