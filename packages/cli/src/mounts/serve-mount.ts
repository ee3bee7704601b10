// One mount from its making to its end: in the daemon, or in the command itself with --foreground.
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { listenForControl } from '@moorage/stack/control';
import {
  startFileSystemServer,
  type BucketLocation,
  type ChangeSource,
  type FileSystemServer,
  type FileSystemServerOptions,
  type FsyncTarget,
} from '@moorage/stack/mounts';
import { listenForMetrics } from './metrics-endpoint.ts';
import { exposition } from './prometheus.ts';
import { fileSystemDirectory, forgetMount, recordMount, type MountRecord } from './registry.ts';

export interface MountRequest {
  readonly id: string;
  readonly dataDir: string;
  readonly bucket: BucketLocation;
  readonly prefix: string;
  readonly mountPoint: string;
  readonly readOnly: boolean;
  readonly fsync: FsyncTarget;
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly escapeKeys?: boolean;
  readonly changes?: ChangeSource;
  /** On 127.0.0.1; 0 = any that is free. */
  readonly metricsPort?: number;
  /** The JSON of `--sync-config`; the file system checks it. */
  readonly synchronization?: unknown;
  readonly cacheBytesMax?: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface ServedMount {
  readonly server: FileSystemServer;
  readonly record: MountRecord;
  /** Resolves when the mount is gone and off the record. */
  readonly ended: Promise<void>;
}

/** A unix socket's path must fit into 107 bytes. */
const SOCKET_BYTES_MAX = 100;

/** Mounts and records the mount. Throws what `startFileSystemServer` throws, and then leaves nothing. */
export async function serveMount(
  request: MountRequest,
  log: (level: string, message: string) => void,
): Promise<ServedMount> {
  const { metricsPort } = request;
  const metrics = metricsPort === undefined ? undefined : await listenForMetrics(metricsPort);
  const server = await startFileSystemServer({
    bucket: request.bucket,
    prefix: request.prefix,
    dataDir: fileSystemDirectory(request.dataDir, request.bucket, request.prefix),
    mountPoint: request.mountPoint,
    readOnly: request.readOnly,
    fsync: request.fsync,
    owner: request.owner,
    ...(request.escapeKeys !== undefined && { escapeKeys: request.escapeKeys }),
    ...(request.changes !== undefined && { changes: request.changes }),
    synchronization: request.synchronization as FileSystemServerOptions['synchronization'],
    cacheBytesMax: request.cacheBytesMax,
    log,
    onEvent: (event) => log('warn', JSON.stringify(event)),
  }).catch((error: unknown) => {
    metrics?.close();
    throw error;
  });
  const socket = path.join(socketDirectory(), 'control');
  const record: MountRecord = {
    id: request.id,
    mountPoint: server.mountPoint,
    // Secrets stay in the environment of the daemon.
    bucket: withoutCredentials(request.bucket),
    prefix: request.prefix,
    readOnly: request.readOnly,
    ...(metrics !== undefined && { metricsPort: metrics.port }),
    pid: process.pid,
    socket,
    startedAt: request.startedAt,
  };
  if (metrics !== undefined) {
    const { mountPoint, prefix } = record;
    const { bucket } = record.bucket;
    metrics.measure = async () =>
      exposition([{ mountPoint, bucket, prefix, metrics: await server.metrics() }]);
  }
  const control = await listenForControl(server, socket);
  recordMount(request.dataDir, record);
  const ended = server.ended.then(async () => {
    metrics?.close();
    await control.close();
    forgetMount(request.dataDir, record);
  });
  return { server, record, ended };
}

function socketDirectory(): string {
  const [preferred, fallback] = [os.tmpdir(), '/tmp'];
  const fits = Buffer.byteLength(preferred) < SOCKET_BYTES_MAX - 30;
  return mkdtempSync(path.join(fits ? preferred : fallback, 'moorage-'));
}

function withoutCredentials(bucket: BucketLocation): BucketLocation {
  const location = { ...bucket };
  delete location.credentials;
  return location;
}
