import { beforeEach, expect, test } from 'vitest';
import { EventNotes } from './event-notes.ts';
import { KnownNodes } from './known-nodes.ts';

let nodes: KnownNodes;
let sent: Buffer[];
let notes: EventNotes;

beforeEach(() => {
  nodes = new KnownNodes(true);
  nodes.addView(1, 5);
  sent = [];
  notes = new EventNotes(nodes, (batch) => sent.push(Buffer.from(batch)));
});

test('only views that know an inode are told of it, and never the one that changed it', () => {
  nodes.referenced(0, 7);
  nodes.referenced(1, 7);
  notes.inodeChanged(7, 0, 0, 0);
  notes.inodeChanged(8, 0, 0, -1);
  notes.flush();
  expect(sent).toHaveLength(1);
  const [batch] = sent as [Buffer];
  expect(batch.readUInt32LE(0)).toBe(40);
  expect(batch.readInt32LE(4)).toBe(2);
  expect(batch.readBigUInt64LE(16)).toBe((1n << 48n) + 7n);
  expect(batch.readBigInt64LE(24)).toBe(-1n);
  expect(batch.length).toBe(40);
});

test('changed bytes are named, and an open before the kernel has heard of it drops its cache once', () => {
  nodes.referenced(1, 7);
  notes.inodeChanged(7, 4096, Infinity, 0);
  notes.flush();
  expect(sent[0]!.readBigInt64LE(24)).toBe(4096n);
  expect(sent[0]!.readBigInt64LE(32)).toBe(0n);
  expect(notes.takeStale(1, 7)).toBe(true);
  expect(notes.takeStale(1, 7)).toBe(false);
});

test('names keep their bytes; many notes become several batches of whole messages', () => {
  for (let i = 0; i < 2000; i++) notes.entryChanged(1, `\xff${i}`, 1);
  notes.flush();
  const names: string[] = [];
  for (const batch of sent)
    for (let at = 0; at < batch.length; at += batch.readUInt32LE(at)) {
      expect(batch.readInt32LE(at + 4)).toBe(3);
      const length = batch.readUInt32LE(at + 24);
      names.push(batch.toString('latin1', at + 32, at + 32 + length));
    }
  expect(sent.length).toBeGreaterThan(1);
  expect(names).toEqual(Array.from({ length: 2000 }, (_, i) => `\xff${i}`));
});

test('what the kernel has forgotten is not told of; after a restart everybody may know everything', () => {
  nodes.referenced(1, 7);
  nodes.referenced(1, 7);
  nodes.forgotten(1, 7, 1);
  expect(nodes.mayKnow(1, 7)).toBe(true);
  nodes.forgotten(1, 7, 1);
  expect(nodes.mayKnow(1, 7)).toBe(false);
  expect(new KnownNodes(false).mayKnow(0, 7)).toBe(true);
});

test('a listing that the kernel keeps is given up once when a name changes elsewhere', () => {
  nodes.referenced(0, 7);
  nodes.referenced(1, 7);
  notes.listings.begun(0, 7, 100);
  notes.listings.begun(1, 7, 100);
  notes.entryChanged(7, 'a', 1);
  notes.entryChanged(7, 'b', 1);
  notes.flush();
  const codes: number[] = [];
  const [batch] = sent as [Buffer];
  for (let at = 0; at < batch.length; at += batch.readUInt32LE(at))
    codes.push(batch.readInt32LE(at + 4));
  expect(codes).toEqual([3, 2, 3]);
  const second = batch.readUInt32LE(0);
  expect(batch.readBigUInt64LE(second + 16)).toBe(7n);
  expect(batch.readBigInt64LE(second + 24)).toBe(0n);
  expect(notes.listings.mayStay(0, 7, 101)).toBe(false);
  expect(notes.listings.mayStay(1, 7, 101)).toBe(true);
});

test('a listing is kept no longer than the names in it, and not when the directory is forgotten', () => {
  notes.listings.begun(1, 7, 100);
  expect(notes.listings.mayStay(1, 7, 5_099)).toBe(true);
  expect(notes.listings.mayStay(1, 7, 5_100)).toBe(false);
  expect(notes.listings.mayStay(0, 7, 100)).toBe(false);
  notes.forgotten(1, 7);
  expect(notes.listings.mayStay(1, 7, 101)).toBe(false);
});
