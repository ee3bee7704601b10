/** A file system in a temporary directory, with a clock and events that a test can look at. For tests only. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSystem, type FileSystemOptions } from '../file-system.ts';
import {
  Change,
  errorOf,
  newAttributes,
  ok,
  Open,
  rootIno,
  type Attributes,
  type Caller,
  type Result,
  type Status,
} from '../operations.ts';

export class Fixture {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'moorage-fs-'));
  readonly ready: number[] = [];
  readonly inodesChanged: { ino: number; length: number; exceptView: number }[] = [];
  readonly entriesChanged: { parent: number; name: string; exceptView: number }[] = [];
  /** What the kernel holds. */
  readonly held: Set<number> = new Set();
  /** Milliseconds; every reading moves it on a little, so that no two changes have the same time. */
  nowMs = 1_700_000_000_000;
  fs: FileSystem;
  readonly #options: Partial<FileSystemOptions>;

  constructor(options: Partial<FileSystemOptions> = {}) {
    this.#options = options;
    this.fs = this.#start();
    this.fs.freshSession();
  }

  #start(): FileSystem {
    return new FileSystem({
      dir: this.dir,
      clock: { now: () => (this.nowMs += 0.25) },
      events: {
        ready: (waitId) => void this.ready.push(waitId),
        inodeChanged: (ino, _offset, length, exceptView) =>
          void this.inodesChanged.push({ ino, length, exceptView }),
        entryChanged: (parent, name, exceptView) =>
          void this.entriesChanged.push({ parent, name, exceptView }),
        holds: (ino) => this.held.has(ino),
      },
      ...this.#options,
    });
  }

  /** As after kill -9: a new process on the same directory and the same kernel session. */
  crash(): void {
    this.fs.abandon();
    this.fs = this.#start();
  }

  restart(): void {
    this.fs.close();
    this.reopen();
  }

  /** After somebody else had the directory. */
  reopen(): void {
    this.fs = this.#start();
  }

  /** Closes and removes everything. */
  end(): void {
    this.fs.abandon();
    rmSync(this.dir, { recursive: true, force: true });
  }

  // Short forms that throw the error number when refused.

  mkdir(parent: number, name: string, c: Caller = root, mode: number = 0o755): number {
    const out = newAttributes();
    must(this.fs.mkdir(c, parent, name, mode, out));
    return out.ino;
  }

  /** A closed file with this content. */
  file(parent: number, name: string, text = '', c: Caller = root, mode = 0o644): number {
    const { ino } = this.open(parent, name, c, mode);
    if (text !== '') this.write(ino, 0, text);
    this.held.delete(ino);
    return ino;
  }

  open(
    parent: number,
    name: string,
    c: Caller = root,
    mode = 0o644,
  ): { ino: number; handle: number } {
    const out = newAttributes();
    const handle = mustResult(this.fs.create(c, parent, name, mode, Open.readWrite, out));
    this.held.add(out.ino);
    return { ino: out.ino, handle };
  }

  /** Of a file opened before; the kernel forgets what has no name then. */
  close({ ino, handle }: { ino: number; handle: number }): void {
    this.fs.release(ino, handle, 0n);
    this.forget(ino);
  }

  forget(ino: number): void {
    this.held.delete(ino);
    this.fs.forgotten(ino);
    this.fs.maintain(true);
  }

  write(ino: number, offset: number, text: string, c: Caller = root): void {
    const bytes = Buffer.from(text, 'latin1');
    mustResult(this.fs.write(c, ino, offset, bytes, 0, bytes.length, 0));
  }

  read(ino: number, offset = 0, length: number = 1 << 20): string {
    const into = Buffer.alloc(length, 0xee);
    const n = mustResult(this.fs.read(root, ino, offset, length, into, 0));
    return into.toString('latin1', 0, n);
  }

  stat(ino: number, c: Caller = root): Attributes {
    const out = newAttributes();
    must(this.fs.getattr(c, ino, out));
    return out;
  }

  chmod(ino: number, mode: number): Status {
    const changes = { ...newAttributes(), valid: Change.mode, mode };
    return this.fs.setattr(root, ino, changes, newAttributes());
  }

  lookup(parent: number, name: string, c: Caller = root): number {
    const out = newAttributes();
    must(this.fs.lookup(c, parent, name, out));
    return out.ino;
  }

  /** Names without `.` and `..`, in the order shown. */
  names(ino: number = rootIno, cookie = 0): string[] {
    const names: string[] = [];
    must(
      this.fs.readdir(root, ino, cookie, ({ name }) => {
        if (name !== '.' && name !== '..') names.push(name);
        return true;
      }),
    );
    return names;
  }
}

export function caller(uid: number, gid: number = uid, groups: number[] = [], view = 0): Caller {
  return { view, uid, gid, pid: 100 + uid, request: 0, groups: () => groups };
}

export const root: Caller = caller(0);

export function must(status: Status): void {
  if (status !== ok) throw new Error(`refused: ${status}`);
}

export function mustResult(result: Result): number {
  if (result < 0) throw new Error(`refused: ${errorOf(result)}`);
  return result;
}
