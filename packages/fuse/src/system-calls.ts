/**
 * The system calls Node has no function for. Each returns what the C function returns; `errno()` tells why
 * it was -1. Blocking calls block the calling thread: use them from a thread that has nothing else to do.
 */
import koffi from 'koffi';

const libc = koffi.load(null);

/** Buffers are passed by address: no copy, and they must not move (a Buffer never does). */
type Bytes = Uint8Array;

export const read: (fd: number, into: Bytes, length: number) => number = libc.func(
  'long read(int fd, void *into, size_t length)',
);
export const write: (fd: number, from: Bytes, length: number) => number = libc.func(
  'long write(int fd, const void *from, size_t length)',
);
/** `fds` is an array of struct pollfd: i32 fd, i16 events, i16 revents. */
export const poll: (fds: Bytes, count: number, timeoutMs: number) => number = libc.func(
  'int poll(void *fds, unsigned long count, int timeout)',
);
export const mount: (
  source: string,
  target: string,
  type: string,
  flags: number,
  data: string,
) => number = libc.func(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);
const umount2 = libc.func('int umount2(const char *target, int flags)');
const eventfd: (initial: number, flags: number) => number = libc.func(
  'int eventfd(unsigned int initial, int flags)',
);
const socketpair: (domain: number, type: number, protocol: number, pair: Bytes) => number =
  libc.func('int socketpair(int domain, int type, int protocol, void *pair)');
const send: (socket: number, from: Bytes, length: number, flags: number) => number = libc.func(
  'long send(int socket, const void *from, size_t length, int flags)',
);
const recvmsg: (fd: number, header: Bytes, flags: number) => number = libc.func(
  'long recvmsg(int fd, void *header, int flags)',
);

const flock: (fd: number, operation: number) => number = libc.func(
  'int flock(int fd, int operation)',
);

/** Takes the lock of an open file, which holds until the file is closed or the process ends. False: somebody has it. */
export function tryLock(fd: number): boolean {
  const exclusive = 2;
  const nonBlocking = 4;
  return flock(fd, exclusive | nonBlocking) === 0;
}

const fcntl: (fd: number, command: number, flags: number) => number = libc.func(
  'int fcntl(int fd, int command, int flags)',
);

/** read(2) of it then says EAGAIN instead of waiting. */
export function setNonBlocking(fd: number): void {
  const getFlags = 3;
  const setFlags = 4;
  const nonBlocking = 0o4000;
  if (fcntl(fd, setFlags, fcntl(fd, getFlags, 0) | nonBlocking) !== 0)
    throw new Error(`fcntl: ${errnoName(errno())}`);
}

/** Why the last call of this thread failed. */
export function errno(): number {
  return koffi.errno();
}

export function errnoName(number: number): string {
  const found = Object.entries(koffi.os.errno).find(([, value]) => value === number);
  return found?.[0] ?? `errno ${number}`;
}

/**
 * umount2(2) from another thread: it waits for the file system's server, which may need this one. Resolves to 0
 * or the error number.
 */
export function unmountElsewhere(target: string, flags: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  umount2.async(target, flags, (_: unknown, result: number) => resolve(result === 0 ? 0 : errno()));
  return promise;
}

/** Whether something can be read from it now. */
export function hasInput(fd: number): boolean {
  const pollIn = 1;
  looked.writeInt32LE(fd, 0);
  looked.writeInt32LE(pollIn, 4);
  return poll(looked, 1, 0) > 0;
}
const looked: Buffer = Buffer.alloc(8);

/** A counter that wakes a poll in another thread: write 8 bytes to add, read 8 bytes to clear. */
export function openEventFd(): number {
  const closeOnExec = 0o2000000;
  const nonBlocking = 0o4000;
  const fd = eventfd(0, closeOnExec | nonBlocking);
  if (fd < 0) throw new Error(`eventfd: ${errnoName(errno())}`);
  return fd;
}

/** Wakes whoever polls it. */
export function signalEventFd(fd: number): void {
  write(fd, one, one.length);
}
const one: Buffer = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);

/** Two connected unix stream sockets. */
export function openSocketPair(): [number, number] {
  const pair = Buffer.alloc(8);
  const unix = 1;
  const stream = 1;
  const closeOnExec = 0o2000000;
  if (socketpair(unix, stream | closeOnExec, 0, pair) !== 0)
    throw new Error(`socketpair: ${errnoName(errno())}`);
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/** Writes what fits into a socket's buffer now; -1 when nothing does or nobody reads any more. */
export function sendNow(socket: number, from: Bytes, length: number): number {
  const doNotWait = 0x40;
  const noSignal = 0x4000;
  return send(socket, from, length, doNotWait | noSignal);
}

/** The descriptor another process passed over the socket (SCM_RIGHTS), or undefined. Layout of 64-bit Linux. */
export function receiveDescriptor(socket: number): number | undefined {
  const payload = Buffer.alloc(8);
  const control = Buffer.alloc(24);
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(BigInt(koffi.address(payload)), 0);
  vector.writeBigUInt64LE(1n, 8);
  const header = Buffer.alloc(56);
  header.writeBigUInt64LE(BigInt(koffi.address(vector)), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(BigInt(koffi.address(control)), 32);
  header.writeBigUInt64LE(24n, 40);
  const closeOnExec = 0x40000000;
  if (recvmsg(socket, header, closeOnExec) <= 0) return undefined;
  if (header.readBigUInt64LE(40) < 20n) return undefined;
  const socketLevel = 1;
  const rights = 1;
  if (control.readInt32LE(8) !== socketLevel || control.readInt32LE(12) !== rights)
    return undefined;
  return control.readInt32LE(16);
}
