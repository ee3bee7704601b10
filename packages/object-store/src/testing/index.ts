export { startLyingStore } from './lying-store.ts';
export type { Lies, LyingStore } from './lying-store.ts';
