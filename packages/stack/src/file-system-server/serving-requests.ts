/**
 * What the supervisor asks of the serving thread, carried out between requests of the kernel. Like those, an
 * operation that is pending is repeated from its start when it is ready.
 */
import { FsError, errorOf, newAttributes, ok, pending, rootIno } from '@moorage/file-system';
import type {
  AccessPoint,
  Caller,
  FileSystem,
  Settlement,
  Sync,
  WaitId,
} from '@moorage/file-system';
import { SynchronizationError } from '@moorage/file-system/configuration';
import type { KnownNodes, NotificationPipe, TrafficReport, ViewNames } from '@moorage/fuse';
import type { ServerReply, ServerRequest, TokenedAccessPoint } from './control-messages.ts';
import type {
  ConflictEnd,
  FileSystemMetrics,
  FileSystemServerErrorCode,
} from './file-system-server.ts';

export interface ServingRequestsOptions {
  fileSystem: FileSystem;
  planner: Sync;
  nodes: KnownNodes;
  notifications: NotificationPipe;
  viewNames: ViewNames;
  /** `fs-…`. */
  fileSystemId: string;
  traffic(): TrafficReport;
  whenReady(waitId: WaitId, repeat: () => void): void;
  reply(id: number, reply: ServerReply): void;
}

interface Failure {
  code: FileSystemServerErrorCode;
  message: string;
}

/** For an access point whose root is gone: its directory is not to be found by any name. */
const deadEnd: Omit<AccessPoint, 'id'> = {
  readOnly: true,
  posixUser: { uid: 65534, gid: 65534 },
};

/** The owner of the file system. */
const owner: Caller = { view: 0, uid: 0, gid: 0, pid: 0, request: 0, groups: () => [] };

/** Inodes are counted at most so often. */
const inventoryMs = 15_000;

export class ServingRequests {
  readonly #o: ServingRequestsOptions;
  #inventory: { inodes: number; metadataBytes: number; atMs: number } | undefined;
  /** False until every view that existed before exists again: requests name views by their number. */
  viewsReady = false;
  /** Access points that wait to be added: one at a time, so that they get the same numbers again. */
  readonly #adding: { point: TokenedAccessPoint; added: (failed?: Failure) => void }[] = [];

  constructor(options: ServingRequestsOptions) {
    this.#o = options;
  }

  /**
   * The views of the configuration; `done` once all exist or the first could not be had. After a restart a
   * view whose root is gone meanwhile is replaced by one that leads nowhere, so that the others keep their numbers.
   */
  addViews(
    points: readonly TokenedAccessPoint[],
    restarted: boolean,
    done: (failed?: Failure) => void,
  ): void {
    let left = points.length;
    const finish = (failed?: Failure): void => {
      this.viewsReady = failed === undefined;
      done(failed);
    };
    if (left === 0) return finish();
    for (const point of points)
      this.#add(point, (failed) => {
        if (failed !== undefined && restarted) {
          this.#o.fileSystem.addView({ ...deadEnd, id: point.accessPoint.id });
          failed = undefined;
        }
        if (failed !== undefined && left > 0) {
          left = 0;
          finish(failed);
        } else if (--left === 0) finish();
      });
  }

  take(id: number, request: ServerRequest): void {
    switch (request.kind) {
      case 'addAccessPoint':
        return this.#add(request.accessPoint, (failed) =>
          this.#o.reply(
            id,
            failed === undefined ? { ok: true, value: undefined } : { ok: false, ...failed },
          ),
        );
      case 'sync':
        return this.#sync(id, request.path);
      case 'status':
        return this.#o.reply(id, { ok: true, value: this.#o.planner.status() });
      case 'failures': {
        const value = this.#o.planner.failures(request.from, request.countMax);
        return this.#o.reply(id, { ok: true, value });
      }
      case 'metrics':
        return this.#o.reply(id, { ok: true, value: this.#metrics() });
      case 'pending':
        return this.#pending(id, request.path, request.countMax);
      case 'settleConflict':
        return this.#settle(id, request);
      case 'synchronization':
        return this.#o.reply(id, { ok: true, value: this.#o.planner.configuration() });
      case 'putSynchronization':
        return this.#putSynchronization(id, request.document);
    }
  }

  #putSynchronization(id: number, document: unknown): void {
    const { planner, reply } = this.#o;
    try {
      planner.configure(document, false);
    } catch (error) {
      if (!(error instanceof SynchronizationError)) throw error;
      return reply(id, { ok: false, code: error.errorCode, message: error.message });
    }
    reply(id, { ok: true, value: planner.configuration() });
  }

  #add(point: TokenedAccessPoint, added: (failed?: Failure) => void): void {
    if (this.#adding.push({ point, added }) === 1) this.#addNext();
  }

  #addNext(): void {
    const next = this.#adding[0];
    if (next === undefined) return;
    const { accessPoint, token } = next.point;
    const view = this.#o.fileSystem.addView(accessPoint);
    if (view === pending)
      return this.#o.whenReady(this.#o.fileSystem.pendingOn, () => this.#addNext());
    this.#adding.shift();
    if (view < 0) {
      const reason = whyNoRoot(errorOf(view));
      next.added({
        code: 'ACCESS_POINT_UNUSABLE',
        message: `access point ${accessPoint.id}: ${accessPoint.rootPath ?? '/'} ${reason}`,
      });
    } else {
      this.#o.nodes.addView(view, this.#o.fileSystem.viewRoot(view));
      this.#o.notifications.prepare();
      this.#o.viewNames.add(token, view);
      next.added();
    }
    this.#addNext();
  }

  #sync(id: number, path: string): void {
    const ino = this.#find(path, () => this.#sync(id, path));
    if (ino === pending) return;
    const { planner } = this.#o;
    const waitId = ino === 0 ? planner.barrierOfDeleted(path) : planner.barrier(ino);
    if (waitId === 0) return this.#nothingAt(id, path);
    this.#o.whenReady(waitId, () => {
      const failures = planner.barrierFailures(waitId);
      const count = failures.length;
      this.#o.reply(
        id,
        count === 0
          ? { ok: true, value: undefined }
          : {
              ok: false,
              code: 'NOT_SYNCED',
              message: `${count} ${count === 1 ? 'file' : 'files'} could not be written to S3, first ${failures[0]!.path}: ${failures[0]!.message}`,
              failures,
            },
      );
    });
  }

  /** A name that a directory which is there does not have: neither has the bucket, so there is nothing to wait for. */
  #nothingAt(id: number, path: string): void {
    const above = this.#find(splitPath(path).directory, () => this.#nothingAt(id, path));
    if (above === pending) return;
    if (above === 0) this.#o.reply(id, noSuchPath(path));
    else this.#o.reply(id, { ok: true, value: undefined });
  }

  #metrics(): FileSystemMetrics {
    const { fileSystem, planner, fileSystemId, traffic } = this.#o;
    const status = planner.status();
    const now = performance.now();
    if (this.#inventory === undefined || this.#inventory.atMs + inventoryMs < now) {
      this.#inventory = { ...fileSystem.inventory(), atMs: now };
    }
    const { inodes, metadataBytes } = this.#inventory;
    return {
      fileSystemId,
      storageBytes: status.cacheBytes + metadataBytes,
      inodes,
      pendingExports: status.pending,
      importFailures: status.importFailureCount,
      exportFailures: status.failedCount,
      importAgeSeconds: status.importAgeMs / 1000,
      exportAgeSeconds: status.exportAgeMs / 1000,
      lostAndFoundFiles: status.conflicts.filter(({ keptAs }) => keptAs !== undefined).length,
      // The kernel's one; access points share it.
      clientConnections: 1,
      traffic: traffic(),
    };
  }

  #pending(id: number, path: string, countMax: number): void {
    const ino = this.#find(path, () => this.#pending(id, path, countMax));
    if (ino === pending) return;
    const value = ino === 0 ? { total: 0, changes: [] } : this.#o.planner.pending(ino, countMax);
    this.#o.reply(id, { ok: true, value });
  }

  #settle(id: number, request: Extract<ServerRequest, { kind: 'settleConflict' }>): void {
    const { fileSystem, planner } = this.#o;
    const { conflictId, how, as } = request;
    const refuse = (message: string): void =>
      this.#o.reply(id, { ok: false, code: 'CONFLICT_NOT_SETTLED', message });
    const repeat = (): void => this.#settle(id, request);
    const before = planner.settlementOf(conflictId);
    if (before !== undefined) {
      if (before.how === endOf(how)) return this.#o.reply(id, { ok: true, value: before });
      return refuse(`conflict ${conflictId} is over: its local copy was ${before.how}`);
    }
    const conflict = planner.conflicts().find((one) => one.id === conflictId);
    if (conflict === undefined) return refuse(`there is no conflict ${conflictId}`);
    const to = as ?? conflict.path;
    let status: number;
    if (how === 'discard') status = fileSystem.discardConflict(conflictId);
    else if (conflict.ino === undefined)
      return refuse(
        `of conflict ${conflictId} there is no local copy: nothing but ${conflict.what} was changed here`,
      );
    else {
      const { directory, name } = splitPath(to);
      const parent = this.#find(directory, repeat);
      if (parent === pending) return;
      if (parent === 0)
        return refuse(`there is no directory ${directory}: make it, or restore as another path`);
      const place = { parent, name, path: to, replaces: as === undefined };
      status = fileSystem.restoreConflict(conflictId, place);
    }
    if (status === pending) return this.#o.whenReady(fileSystem.pendingOn, repeat);
    const value = planner.settlementOf(conflictId);
    if (status !== ok || value === undefined) return refuse(whyNotSettled(status, to));
    this.#o.reply(id, { ok: true, value });
  }

  /** The inode of a path, 0 = none; `pending`: `repeat` will be called. */
  #find(path: string, repeat: () => void): number {
    const { fileSystem } = this.#o;
    const found = newAttributes();
    let ino = rootIno;
    for (const name of Buffer.from(path, 'utf8').toString('latin1').split('/').filter(Boolean)) {
      const status = fileSystem.lookup(owner, ino, name, found);
      if (status === pending) {
        this.#o.whenReady(fileSystem.pendingOn, repeat);
        return pending;
      }
      if (status !== ok) return 0;
      ino = found.ino;
    }
    return ino;
  }
}

function endOf(how: ConflictEnd): Settlement['how'] {
  return how === 'restore' ? 'restored' : 'discarded';
}

/** The last name as a binary string. */
function splitPath(path: string): { directory: string; name: string } {
  const parts = path.split('/').filter(Boolean);
  const name = Buffer.from(parts.pop() ?? '', 'utf8').toString('latin1');
  return { directory: `/${parts.join('/')}`, name };
}

function noSuchPath(path: string): ServerReply {
  return { ok: false, code: 'NO_SUCH_PATH', message: `there is no ${path} in the file system` };
}

function whyNotSettled(status: number, path: string): string {
  switch (status) {
    case FsError.Exists:
      return `${path} exists: choose another path, or restore over it without one`;
    case FsError.IsDirectory:
      return `${path} is a directory now: restore as another path`;
    case FsError.NotDirectory:
      return `the path above ${path} is not a directory: restore as another path`;
    case FsError.ReadOnly:
      return 'the file system is mounted read-only';
    case FsError.NoSpace:
      return 'no space is left for the data directory';
    case FsError.Io:
      return 'bytes of the local copy that are only in the bucket cannot be fetched: try again when it can be reached';
    default:
      return `${path} cannot be the place of the local copy: restore as another path`;
  }
}

function whyNoRoot(error: number): string {
  switch (error) {
    case FsError.NoEntry:
      return 'does not exist: create it first, or give the access point creation permissions';
    case FsError.NotDirectory:
      return 'is not a directory';
    case FsError.ReadOnly:
      return 'does not exist and cannot be made on a read-only file system';
    case FsError.NoSpace:
      return 'cannot be made: no space is left for the data directory';
    default:
      return 'cannot be the root of an access point';
  }
}
