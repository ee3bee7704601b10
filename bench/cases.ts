/** Every benchmark by its name. */
import type { BenchmarkCase } from './case.ts';

export const CASES: Readonly<Record<string, () => Promise<BenchmarkCase>>> = {
  create: async () => (await import('./cases/create.ts')).create,
  clone: async () => (await import('./cases/clone.ts')).clone,
  tar: async () => (await import('./cases/tar.ts')).tar,
  remove: async () => (await import('./cases/remove.ts')).remove,
  sequential: async () => (await import('./cases/sequential.ts')).sequential,
  reread: async () => (await import('./cases/reread.ts')).reread,
  'git-status': async () => (await import('./cases/git-status.ts')).gitStatus,
  getattr: async () => (await import('./cases/getattr.ts')).getattr,
  'clone-s3': async () => (await import('./cases/clone.ts')).cloneBeside,
  grep: async () => (await import('./cases/grep.ts')).grep,
  'cold-read': async () => (await import('./cases/cold-read.ts')).coldRead,
  'first-read': async () => (await import('./cases/first-read.ts')).firstRead,
  'cold-files': async () => (await import('./cases/cold-files.ts')).coldFiles,
  'rename-directory': async () => (await import('./cases/rename-directory.ts')).renameDirectory,
  append: async () => (await import('./cases/append.ts')).append,
  export: async () => (await import('./cases/export.ts')).exportFiles,
  import: async () => (await import('./cases/import.ts')).importObjects,
  'first-listing': async () => (await import('./cases/first-listing.ts')).firstListing,
  'huge-bucket': async () => (await import('./cases/huge-bucket.ts')).hugeBucket,
  memory: async () => (await import('./cases/memory.ts')).memory,
  'local-s3': async () => (await import('./cases/local-s3.ts')).localS3,
  steps: async () => (await import('./cases/steps.ts')).steps,
  replay: async () => (await import('./cases/replay.ts')).replay,
  'concurrent-executions': async () =>
    (await import('./cases/concurrent-executions.ts')).concurrentExecutions,
  recovery: async () => (await import('./cases/recovery.ts')).recovery,
  review: async () => (await import('./cases/review.ts')).review,
};
