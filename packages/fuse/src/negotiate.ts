/**
 * INIT: what is agreed with the kernel once per mount. A server that is restarted on the same mount gets no
 * INIT again, so the agreement is kept by the caller (`Session`).
 *
 * Why what is (not) asked for:
 *  - explicit invalidation instead of dropping pages when mtime moves: we know of every change and say so;
 *  - no WRITEBACK_CACHE: the kernel would own sizes and times, and a write would be acknowledged from memory;
 *  - no DONT_MASK: there are no default ACLs, so the kernel may apply the umask;
 *  - POSIX_LOCKS and FLOCK_LOCKS where there are views: the same file is another one to the kernel in each of them, so
 *    that only we know of all locks, and have to hear of each close(2). Without views OPEN and FLUSH are answered with
 *    ENOSYS, after which the kernel does not ask: it opens and closes what it has cached by itself, keeps the locks,
 *    checks permissions as ever, and tells by FORGET when a file that was removed is used no more;
 *  - ATOMIC_O_TRUNC where OPEN is told; else truncation comes as SETATTR;
 *  - HANDLE_KILLPRIV_V2: set-id bits are cleared by the file system, which spares a GETXATTR for every write.
 */
import type { ReplyBuffer } from './reply.ts';
import type { RequestBuffer } from './request.ts';
import {
  InitFlag,
  InitFlag2,
  protocolMajor,
  protocolMinor,
  replyHeaderBytes,
  requestHeaderBytes,
} from './wire.ts';

/** What a later server on the same mount must know. */
export interface Session {
  /** Of the kernel's protocol. */
  minor: number;
  /** Unanswered requests can be had again after a restart (kernel 6.9). */
  resend: boolean;
  /** Opening, closing and locking files is the kernel's business alone: nothing is told of it. */
  kernelKeepsFiles: boolean;
}

const wanted =
  InitFlag.asyncRead |
  InitFlag.bigWrites |
  InitFlag.doReaddirplus |
  InitFlag.readdirplusAuto |
  InitFlag.asyncDirectIo |
  InitFlag.parallelDirectoryOperations |
  InitFlag.maxPages |
  InitFlag.cacheSymlinks |
  InitFlag.explicitInvalidation |
  InitFlag.handleKillPrivilegesV2 |
  InitFlag.extended;
const wanted2 = InitFlag2.hasResend | InitFlag2.directIoAllowMmap;

const wantedOfFiles = InitFlag.posixLocks | InitFlag.flockLocks | InitFlag.atomicTruncate;

/** From Linux 6.6 on a direct write drops the cached pages it changes, and files opened so can be mapped. */
export function isDirectCoherent(session: Session | undefined): boolean {
  return session !== undefined && session.minor >= 39;
}

/** The oldest protocol whose features we cannot do without (Linux 5.2: explicit invalidation). */
const minorMin = 31;
const writeBytesMax = 1024 * 1024;
const pagesMax = 256;
/** Read-ahead waiting for a slow store must not stop other requests: the kernel's default is 12. */
const backgroundMax = 64;
const congestionThreshold = 48;

/**
 * Reads struct fuse_init_in, writes struct fuse_init_out. `hasViews`: there are or may be views besides the whole file
 * system. Undefined: this kernel is too old, refuse.
 */
export function negotiate(
  request: RequestBuffer,
  reply: ReplyBuffer,
  hasViews: boolean,
): Session | undefined {
  const body = requestHeaderBytes;
  const major = request.u32(body);
  const minor = request.u32(body + 4);
  if (major < protocolMajor || (major === protocolMajor && minor < minorMin)) return undefined;
  const offered = request.u32(body + 12);
  const extended = (offered & InitFlag.extended) !== 0;
  const offered2 = extended ? request.u32(body + 16) : 0;

  const out = replyHeaderBytes;
  reply.zero(out, out + 64);
  reply.u32(out, protocolMajor);
  reply.u32(out + 4, protocolMinor);
  reply.length = 64;
  // A newer major: the kernel repeats INIT with ours.
  if (major > protocolMajor)
    return { minor: protocolMinor, resend: false, kernelKeepsFiles: !hasViews };
  reply.u32(out + 8, request.u32(body + 8));
  reply.u32(out + 12, offered & (hasViews ? wanted | wantedOfFiles : wanted));
  reply.u16(out + 16, backgroundMax);
  reply.u16(out + 18, congestionThreshold);
  reply.u32(out + 20, writeBytesMax);
  reply.u32(out + 24, 1);
  reply.u16(out + 28, pagesMax);
  reply.u32(out + 32, offered2 & wanted2);
  const resend = (offered2 & wanted2) !== 0;
  return { minor: Math.min(minor, protocolMinor), resend, kernelKeepsFiles: !hasViews };
}
