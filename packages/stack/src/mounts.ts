// Mounts without a template: a bucket as a directory. Apart from index.ts because it loads the kernel's
// side (koffi) at once, which a stack only does when it comes to it.
export {
  FileSystemServerError,
  connectToControl,
  listenForControl,
  startFileSystemServer,
  type FileConflict,
  type ChangeSource,
  type FailureList,
  type FileFailure,
  type FileSystemMetrics,
  type FileSystemControl,
  type FileSystemServer,
  type FileSystemServerOptions,
  type FileSystemStatus,
  type FsyncTarget,
  type PendingList,
} from './file-system-server/index.ts';
export type { SynchronizationConfiguration } from '@moorage/file-system/configuration';
export type { BucketLocation } from '@moorage/object-store';
export { checkBucket } from './live/check-bucket.ts';
export { MountError, mountedAt, unmount as removeMount } from '@moorage/fuse/mounting';
