// An interpreter child whose memory safety is broken: what can its native code do? One line an attempt on stdout.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void report(const char *name, long result) {
    if (result < 0) printf("%s: refused: %s\n", name, strerror(errno));
    else printf("%s: ESCAPED: %ld\n", name, result);
    fflush(stdout);
}

int main(void) {
    char secret[4096]; int port; int host;
    if (scanf("%4095s %d %d", secret, &port, &host) != 3) return 2;
    report("child_reads_secret", open(secret, O_RDONLY));
    report("child_writes_file", open("/written", O_CREAT | O_WRONLY, 0600));
    report("child_lists_root", open("/", O_RDONLY | O_DIRECTORY));
    report("child_opens_proc", open("/proc/self/maps", O_RDONLY));
    report("child_makes_tcp_socket", socket(AF_INET, SOCK_STREAM, 0));
    report("child_makes_udp_socket", socket(AF_INET, SOCK_DGRAM, 0));
    report("child_makes_netlink_socket", socket(AF_NETLINK, SOCK_RAW, 0));
    report("child_forks", fork());
    report("child_makes_namespace", unshare(CLONE_NEWUSER));
    report("child_mounts", mount("proc", "/", "proc", 0, NULL));
    report("child_traces_host", ptrace(PTRACE_SEIZE, host, 0, 0));
    struct iovec local = {secret, 8}, remote = {(void *)main, 8};
    report("child_reads_host_memory", process_vm_readv(host, &local, 1, &remote, 1, 0));
    report("child_signals_host", kill(host, 0));
    report("child_signals_worker", kill(getppid(), SIGKILL));
    report("child_memory_file", memfd_create("x", 0));
    report("child_io_uring", syscall(SYS_io_uring_setup, 8, secret));
    report("child_bpf", syscall(SYS_bpf, 0, secret, 8));
    report("child_becomes_root", setuid(0));
    report("child_changes_root", chroot("/"));
    struct rlimit high = {RLIM_INFINITY, RLIM_INFINITY};
    report("child_raises_limits", setrlimit(RLIMIT_DATA, &high));
    void *block = mmap(NULL, 1UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    report("child_allocates_beyond_limit", block == MAP_FAILED ? -1 : 1);
    block = mmap(NULL, 1UL << 30, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    report("child_shared_beyond_limit", block == MAP_FAILED ? -1 : 1);
    block = mmap(NULL, 1UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
    report("child_grows_downwards_beyond_limit", block == MAP_FAILED ? -1 : 1);
    block = mremap((void *)((unsigned long)secret & ~4095UL), 4096, 1UL << 30, MREMAP_MAYMOVE);
    report("child_grows_its_stack_beyond_limit", block == MAP_FAILED ? -1 : 1);
    block = mmap(NULL, 1UL << 40, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    report("child_page_tables_beyond_limit", block == MAP_FAILED ? -1 : 1);
    int held = 0;
    for (int fd = 3; fd < 64; fd++) held += fcntl(fd, F_GETFD) >= 0;
    report("child_holds_other_descriptors", held ? held : (errno = EBADF, -1));
    char *arguments[] = {"/bin/sh", NULL};
    report("child_starts_shell", execv("/bin/sh", arguments));
    // The filter answers the rest with death, so this line has to come first.
    printf("child_end: refused: reached\n");
    fflush(stdout);
    block = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block != MAP_FAILED && mprotect(block, 4096, PROT_READ | PROT_WRITE) == 0) {
        memset(block, 0xc3, 4096);
        report("child_gains_executable_memory", mprotect(block, 4096, PROT_READ | PROT_EXEC) == 0 ? 1 : -1);
    } else {
        errno = EPERM;
        report("child_gains_executable_memory", -1);
    }
    return 0;
}
