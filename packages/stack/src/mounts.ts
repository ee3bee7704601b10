// Mounts without a template: a bucket as a directory. Apart from index.ts because it loads the kernel's
// side (koffi) at once, which a stack only does when it comes to it.
export { startFileSystemServer } from './file-system-server/start-file-system-server.ts';
export type {
  FileSystemServer,
  FileSystemServerOptions,
} from './file-system-server/file-system-server.ts';
export type { FsyncTarget } from '@moorage/file-system';
export type { ChangeSource } from '@moorage/file-system/transfer';
export type { BucketLocation } from '@moorage/object-store';
export { checkBucket } from './live/check-bucket.ts';
export { MountError, mountedAt, unmount as removeMount } from '@moorage/fuse/mounting';
