// What mounts, unmounts and looks at mounts: all a supervisor needs. An entrance of its own (`./mounting`),
// because it loads nothing of what serves.
export { fileSystemType, openAndMount, unmount } from './mount.ts';
export type { KernelMount, MountOptions } from './mount.ts';
export { MountError } from './mount-error.ts';
export type { MountErrorCode } from './mount-error.ts';
export { mountedAt, readMounts } from './mount-table.ts';
export type { MountedFileSystem } from './mount-table.ts';
export { viewDirectoryName } from './view-names.ts';
