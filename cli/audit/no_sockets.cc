#include "cli/audit/no_sockets.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <vector>

namespace veilsum::cli {
namespace {

// io_uring would open sockets without any of the others.
constexpr int kForbidden[] = {
    SYS_socket,   SYS_socketpair, SYS_connect,  SYS_accept,         SYS_accept4,  SYS_bind,
    SYS_listen,   SYS_sendto,     SYS_sendmsg,  SYS_sendmmsg,       SYS_recvfrom, SYS_recvmsg,
    SYS_recvmmsg, SYS_execve,     SYS_execveat, SYS_io_uring_setup,
#ifndef __SANITIZE_ADDRESS__  // its leak checker traces the process that it ends
    SYS_ptrace,
#endif
};

sock_filter Load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
sock_filter Return(std::uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }

// Every comparison that holds jumps to the last instruction, which refuses.
std::vector<sock_filter> Program() {
  constexpr std::uint32_t kX32 = 0x40000000;  // the second table of system calls of x86-64
  std::vector<sock_filter> code = {
      Load(offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
      Return(SECCOMP_RET_KILL_PROCESS),
      Load(offsetof(seccomp_data, nr)),
  };
  const std::size_t checks = std::size(kForbidden) + 1;
  const auto refuse_at = [&](std::size_t check) {
    return static_cast<std::uint8_t>(checks - check);
  };
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, refuse_at(0), 0));
  for (std::size_t i = 0; i < std::size(kForbidden); ++i)
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(kForbidden[i]),
                            refuse_at(i + 1), 0));
  code.push_back(Return(SECCOMP_RET_ALLOW));
  code.push_back(Return(SECCOMP_RET_ERRNO | EPERM));
  return code;
}

}  // namespace

absl::Status ForbidSockets() {
  std::vector<sock_filter> code = Program();
  const sock_fprog program = {static_cast<unsigned short>(code.size()), code.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
    return Unavailable("sockets cannot be forbidden: %s", std::strerror(errno));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 && errno == EPERM) return absl::OkStatus();
  if (fd >= 0) close(fd);
  return absl::InternalError("a socket could be opened after sockets were forbidden");
}

}  // namespace veilsum::cli
