// Mounts without a template: a bucket as a directory. Apart from index.ts because it loads the kernel's
// side (koffi) at once, which a stack only does when it comes to it.
export {
  startFileSystemServer,
  type ChangeSource,
  type FileSystemServer,
  type FileSystemServerOptions,
  type FsyncTarget,
} from './file-system-server/index.ts';
export type { BucketLocation } from '@moorage/object-store';
export { checkBucket } from './live/check-bucket.ts';
export { MountError, mountedAt, unmount as removeMount } from '@moorage/fuse/mounting';
