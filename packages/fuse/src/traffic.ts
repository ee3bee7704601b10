/**
 * What went over the connection to the kernel since the process started: bytes of files and of everything else, as
 * the bodies of requests and replies have them. Counted for every request, so it costs a few additions and no memory.
 */
import { Opcode, opcodeMax, requestHeaderBytes } from './wire.ts';

export interface TrafficCounts {
  bytes: number;
  operations: number;
}

/** By the names of S3 Files' metrics. */
export interface TrafficReport {
  dataRead: TrafficCounts;
  dataWrite: TrafficCounts;
  metadataRead: TrafficCounts;
  metadataWrite: TrafficCounts;
}

const Class = { dataRead: 0, dataWrite: 1, metadataRead: 2, metadataWrite: 3 } as const;
/** struct fuse_write_in, before the data. */
const writeHeaderBytes = 40;

const classes: Uint8Array = classTable();

function classTable(): Uint8Array {
  const table = new Uint8Array(opcodeMax + 1).fill(Class.metadataRead);
  table[Opcode.read] = Class.dataRead;
  table[Opcode.write] = Class.dataWrite;
  for (const opcode of [
    Opcode.setattr,
    Opcode.mknod,
    Opcode.mkdir,
    Opcode.symlink,
    Opcode.unlink,
    Opcode.rmdir,
    Opcode.rename,
    Opcode.rename2,
    Opcode.link,
    Opcode.create,
    Opcode.fallocate,
    Opcode.setxattr,
    Opcode.removexattr,
  ]) {
    table[opcode] = Class.metadataWrite;
  }
  return table;
}

export class Traffic {
  readonly #bytes = new Float64Array(4);
  readonly #operations = new Float64Array(4);

  /** A request was carried out. Lengths with the request's header and without the reply's. */
  count(opcode: number, requestBytes: number, replyBytes: number): void {
    const kind = classes[opcode] ?? Class.metadataRead;
    const received = requestBytes - requestHeaderBytes;
    this.#operations[kind]! += 1;
    if (kind === Class.dataWrite) this.#bytes[kind]! += Math.max(0, received - writeHeaderBytes);
    else this.#bytes[kind]! += kind === Class.metadataWrite ? received : replyBytes;
  }

  report(): TrafficReport {
    const of = (kind: number): TrafficCounts => ({
      bytes: this.#bytes[kind]!,
      operations: this.#operations[kind]!,
    });
    return {
      dataRead: of(Class.dataRead),
      dataWrite: of(Class.dataWrite),
      metadataRead: of(Class.metadataRead),
      metadataWrite: of(Class.metadataWrite),
    };
  }
}
