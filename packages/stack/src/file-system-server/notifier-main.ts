/** Entry of the notifier process: cache invalidations come on one descriptor and go to the kernel on another. */
import { runNotifier } from '@moorage/fuse/notifier';
import { mountDescriptor } from './server-process.ts';

/** Where the notifier finds its end of the socket. */
export const batchDescriptor = 4;

runNotifier(batchDescriptor, mountDescriptor, (message) => console.error(message));
