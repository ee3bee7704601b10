/**
 * How long the kernel may answer from its caches without asking, in seconds. Changes it cannot know of are
 * told to it by notifications (kernel-caches.ts); these limits only bound what a lost one can do.
 */
export const entrySeconds = 5;
export const attributeSeconds = 5;
/** A name known to be absent. */
export const negativeSeconds = 5;
/** A view's root is bound elsewhere: were its name to expire and fail, the kernel would undo the bind. */
export const viewRootSeconds = 0x7fffffff;
