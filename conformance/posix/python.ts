/** Python programs on a mount: its `os` and `fcntl` modules are the thinnest there are around system calls. */
import { runIn } from './served-mount.ts';

const prelude = `
import ctypes, errno, fcntl, mmap, os, shutil, signal, stat, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def refused(number, call, *args, **named):
    try:
        result = call(*args, **named)
    except OSError as error:
        assert error.errno == number, f'{call} {args}: {error}'
    else:
        raise AssertionError(f'{call} {args} succeeded: {result}')

def renameat2(old, new, flags):
    if libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags) != 0:
        raise OSError(ctypes.get_errno(), old)

def write(path, data=b'', mode=0o644):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    os.write(fd, data)
    os.close(fd)

def read(path):
    with open(path, 'rb') as file:
        return file.read()

def until(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f'never: {what}'
        time.sleep(0.01)

def child(work):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            if status:
                import traceback
                traceback.print_exc()
            os._exit(status)
    return pid

def join(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
`;

/** Throws with the program's output when it fails or is not over after `msMax`. */
export async function python(
  cwd: string,
  program: string,
  o: { msMax?: number; args?: readonly string[]; scratch?: string } = {},
): Promise<string> {
  const command = ['python3', '-c', `${prelude}\n${program}`, ...(o.args ?? [])];
  const ran = await runIn(cwd, command, { msMax: o.msMax ?? 90_000, env: { SCRATCH: o.scratch } });
  if (ran.code !== 0) throw new Error(`status ${ran.code} ${ran.signal}\n${ran.out}`);
  return ran.out;
}
