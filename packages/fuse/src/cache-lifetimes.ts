/**
 * How long the kernel may answer from its caches without asking, in seconds. Changes it cannot know of are
 * told to it by notifications (notifier.ts); these limits only bound what a lost one can do. While several
 * views need to be told and nobody can tell them at once, nothing is cached (`Exchange.cacheSeconds`).
 */
export const cacheSeconds = 5;
/** A view's root is bound elsewhere: were its name to expire and fail, the kernel would undo the bind. */
export const viewRootSeconds = 0x7fffffff;
