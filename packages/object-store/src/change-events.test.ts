import { expect, test } from 'vitest';
import { Sequencers, readChangeEvents } from './change-events.ts';

const s3 = {
  bucket: { name: 'work' },
  object: { key: 'a+b%2Bc/d%C3%A9', eTag: '"abc"', sequencer: '0A' },
};

test('the shapes in which changes are told', () => {
  const put = { eventName: 'ObjectCreated:Put', s3 };
  const event = { bucket: 'work', key: 'a b+c/dé', eTag: 'abc', sequencer: '0A' };
  const read = (value: unknown): unknown => readChangeEvents(JSON.stringify(value));
  expect(read({ Records: [put] })).toEqual([event]);
  expect(read({ Records: [{ eventName: 's3:ObjectRemoved:Delete', s3 }] })).toEqual([
    { ...event, eTag: '' },
  ]);
  const expired = { eventName: 'LifecycleExpiration:DeleteMarkerCreated', s3 };
  expect(read({ Records: [expired, { eventName: 'ObjectTagging:Put', s3 }] })).toEqual([
    { ...event, eTag: '' },
  ]);
  expect(read({ Type: 'Notification', Message: JSON.stringify({ Records: [put] }) })).toEqual([
    event,
  ]);
  const detail = { bucket: { name: 'work' }, object: { key: 'a+b', etag: 'abc', sequencer: '0B' } };
  expect(read([{ 'detail-type': 'Object Created', detail }])).toEqual([
    { bucket: 'work', key: 'a+b', eTag: 'abc', sequencer: '0B' },
  ]);
  expect(read({ 'detail-type': 'Object Deleted', detail })).toMatchObject([{ eTag: '' }]);
  expect(read({ 'detail-type': 'Object Tags Added', detail })).toEqual([]);
  expect(read({ Event: 's3:TestEvent' })).toEqual([]);
});

test('what is something else', () => {
  for (const text of ['', '{', 'null', '1', '"x"', '{}', '{"Type":"Notification","Message":"{"}']) {
    expect(readChangeEvents(text)).toBeUndefined();
  }
  const badKey = { eventName: 'ObjectCreated:Put', s3: { ...s3, object: { key: '%E0%A4%A' } } };
  expect(readChangeEvents(JSON.stringify({ Records: [badKey] }))).toBeUndefined();
});

test('duplicates and older ones are no news; lengths of sequencers differ', () => {
  const sequencers = new Sequencers();
  const isNews = (sequencer?: string, key = 'k'): boolean =>
    sequencers.isNews({
      bucket: 'b',
      key,
      eTag: '',
      ...(sequencer !== undefined && { sequencer }),
    });
  expect([isNews('0055'), isNews('0055'), isNews('0054'), isNews('00551')]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect([isNews('0055', 'other'), isNews('006a'), isNews('006B'), isNews('006A')]).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect([isNews(), isNews()]).toEqual([true, true]);
});
