import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveSettings } from './settings.ts';

const keys = { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S' };
const saved = { ...process.env };
let dir = '';

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'object-store-'));
  writeFileSync(
    join(dir, 'config'),
    [
      '[profile dev]',
      'region = eu-central-1',
      'endpoint_url = http://dev.example:9000',
      'aws_access_key_id = PA',
      'aws_secret_access_key = PS',
      '[profile svc]',
      'services = local',
      '[services local]',
      's3 =',
      '  endpoint_url = http://svc.example:1',
      '',
    ].join('\n'),
  );
  writeFileSync(join(dir, 'credentials'), '');
  process.env['AWS_CONFIG_FILE'] = join(dir, 'config');
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = join(dir, 'credentials');
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) {
    delete process.env[name];
  }
});

afterAll(() => {
  process.env = saved;
  rmSync(dir, { recursive: true });
});

test('Amazon S3 by region when no endpoint is named', async () => {
  const plain = await resolveSettings({ bucket: 'b' }, keys);
  expect(plain).toMatchObject({
    endpoint: 'https://s3.us-east-1.amazonaws.com',
    region: 'us-east-1',
    virtual: true,
  });
  const china = await resolveSettings({ bucket: 'b' }, { ...keys, AWS_REGION: 'cn-north-1' });
  expect(china.endpoint).toBe('https://s3.cn-north-1.amazonaws.com.cn');
});

test('a bucket name with dots cannot be a host below a wildcard certificate', async () => {
  expect((await resolveSettings({ bucket: 'a.b' }, keys)).virtual).toBe(false);
});

test('the endpoint for S3 goes before the endpoint for all, the location before both', async () => {
  const env = { ...keys, AWS_ENDPOINT_URL: 'http://all:1', AWS_ENDPOINT_URL_S3: 'http://s3:2/' };
  expect(await resolveSettings({ bucket: 'b' }, env)).toMatchObject({
    endpoint: 'http://s3:2',
    virtual: false,
  });
  const { AWS_ENDPOINT_URL_S3: _, ...rest } = env;
  expect((await resolveSettings({ bucket: 'b' }, rest)).endpoint).toBe('http://all:1');
  const given = await resolveSettings({ bucket: 'b', endpoint: 'http://given:3' }, env);
  expect(given.endpoint).toBe('http://given:3');
  const ignoring = { ...env, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
  expect((await resolveSettings({ bucket: 'b' }, ignoring)).isDefaultEndpoint).toBe(true);
});

test('a profile gives region, endpoint and credentials', async () => {
  const settings = await resolveSettings({ bucket: 'b' }, { AWS_PROFILE: 'dev' });
  expect(settings).toMatchObject({ region: 'eu-central-1', endpoint: 'http://dev.example:9000' });
  expect(await settings.credentials()).toMatchObject({ accessKeyId: 'PA', secretAccessKey: 'PS' });
  const service = await resolveSettings({ bucket: 'b', profile: 'svc' }, keys);
  expect(service.endpoint).toBe('http://svc.example:1');
});

test('a profile that does not exist is named', async () => {
  await expect(resolveSettings({ bucket: 'b', profile: 'nope' }, {})).rejects.toMatchObject({
    code: 'MissingCredentials',
    message: expect.stringContaining('"nope"'),
  });
});

test('no credentials anywhere is another message than wrong ones', async () => {
  const settings = await resolveSettings({ bucket: 'b' }, {});
  await expect(settings.credentials()).rejects.toMatchObject({
    code: 'MissingCredentials',
    message: expect.stringContaining('Set AWS_ACCESS_KEY_ID'),
  });
});

test('an endpoint that is no URL is refused', async () => {
  await expect(
    resolveSettings({ bucket: 'b', endpoint: 'localhost:9000' }, keys),
  ).rejects.toMatchObject({ code: 'InvalidRequest' });
});
