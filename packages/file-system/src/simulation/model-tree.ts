/** The reference model of a namespace that nobody else writes to: what every path must be. */
import { FsError, Kind, Rename } from '../operations.ts';
import type { Attributes, Status } from '../operations.ts';

export interface ModelNode {
  kind: Kind;
  /** Of a file or (its target) of a symbolic link. */
  bytes: Uint8Array;
  /** What the file system said when it acknowledged the last change; undefined for what it has not shown yet. */
  attributes: { mode: number; uid: number; gid: number; mtime: string } | undefined;
  children: Map<string, ModelNode>;
}

export function newNode(kind: Kind, bytes: Uint8Array = new Uint8Array(0)): ModelNode {
  return { kind, bytes, attributes: undefined, children: new Map() };
}

export function note(node: ModelNode, a: Attributes): void {
  node.attributes = attributesOf(a);
}

export function attributesOf(a: Attributes): NonNullable<ModelNode['attributes']> {
  return { mode: a.mode, uid: a.uid, gid: a.gid, mtime: `${a.mtimeSec}.${a.mtimeNsec}` };
}

/** What unlink and rmdir must answer; carried out when that is OK. */
export function remove(directory: ModelNode, name: string, isDirectory: boolean): Status {
  const node = directory.children.get(name);
  if (node === undefined) return FsError.NoEntry;
  if (isDirectory && node.kind !== Kind.directory) return FsError.NotDirectory;
  if (!isDirectory && node.kind === Kind.directory) return FsError.IsDirectory;
  if (node.children.size > 0) return FsError.NotEmpty;
  directory.children.delete(name);
  return 0;
}

/** What rename must answer; carried out when that is OK. */
export function renameNode(
  from: ModelNode,
  name: string,
  to: ModelNode,
  newName: string,
  flags: number,
): Status {
  const node = from.children.get(name);
  const target = to.children.get(newName);
  if (node === undefined) return FsError.NoEntry;
  if (target === undefined && flags === Rename.exchange) return FsError.NoEntry;
  if (target !== undefined && flags === Rename.noReplace) return FsError.Exists;
  if (holds(node, to)) return FsError.Invalid;
  if (target !== undefined && flags === Rename.exchange && holds(target, from)) {
    return FsError.Invalid;
  }
  if (node === target) return 0;
  if (target !== undefined && flags !== Rename.exchange) {
    if (node.kind === Kind.directory && target.kind !== Kind.directory) return FsError.NotDirectory;
    if (node.kind !== Kind.directory && target.kind === Kind.directory) return FsError.IsDirectory;
    if (target.children.size > 0) return FsError.NotEmpty;
  }
  from.children.delete(name);
  to.children.set(newName, node);
  if (flags === Rename.exchange && target !== undefined) from.children.set(name, target);
  return 0;
}

function holds(directory: ModelNode, wanted: ModelNode): boolean {
  if (directory === wanted) return directory.kind === Kind.directory;
  return [...directory.children.values()].some((child) => holds(child, wanted));
}
