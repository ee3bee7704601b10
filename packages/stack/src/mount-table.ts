// What is mounted where, for whoever only wants to know that: it loads nothing of what mounts.
export { mountedAt } from '@moorage/fuse/mount-table';
