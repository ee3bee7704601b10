/* A FUSE file system of one directory that answers GETATTR and refuses the rest: the least a round trip costs. */
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char request[1 << 17];
static char reply[1 << 12];

int main(int argc, char **argv) {
  int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  char options[128];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
  if (argc != 2 || fd < 0 || mount("answer-loop", argv[1], "fuse.answer-loop", 0, options) != 0) {
    perror("mount");
    return 1;
  }
  for (;;) {
    if (read(fd, request, sizeof request) <= 0) return 0;
    struct fuse_in_header *in = (void *)request;
    struct fuse_out_header *out = (void *)reply;
    memset(reply, 0, 256);
    out->unique = in->unique;
    size_t body = 0;
    if (in->opcode == FUSE_INIT) {
      struct fuse_init_in *asked = (void *)(in + 1);
      struct fuse_init_out *agreed = (void *)(out + 1);
      agreed->major = FUSE_KERNEL_VERSION;
      agreed->minor = FUSE_KERNEL_MINOR_VERSION;
      agreed->max_readahead = asked->max_readahead;
      agreed->max_write = 4096;
      agreed->time_gran = 1;
      body = sizeof *agreed;
    } else if (in->opcode == FUSE_GETATTR) {
      struct fuse_attr_out *attributes = (void *)(out + 1);
      attributes->attr_valid = 1;
      attributes->attr.ino = in->nodeid;
      attributes->attr.mode = S_IFDIR | 0755;
      attributes->attr.nlink = 2;
      body = sizeof *attributes;
    } else if (in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET) {
      continue;
    } else {
      out->error = -38;
    }
    out->len = sizeof *out + body;
    if (write(fd, reply, out->len) < 0 && in->opcode == FUSE_INIT) return 1;
  }
}
