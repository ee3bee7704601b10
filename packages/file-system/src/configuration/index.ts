export {
  checkDocument,
  defaultConfiguration,
  exportMsMax,
  sizeLessThanMax,
  SynchronizationError,
} from './synchronization.ts';
export type {
  ExpirationDataRule,
  ExportDataRule,
  ImportDataRule,
  ImportTrigger,
  SynchronizationConfiguration,
  SynchronizationDocument,
} from './synchronization.ts';
