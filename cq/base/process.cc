#include "cq/base/process.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cq/base/error.h"

extern char** environ;

namespace cq {
namespace {

class Actions {
 public:
  Actions() { posix_spawn_file_actions_init(&actions_); }
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (::pipe2(ends, O_CLOEXEC) != 0) throw RunError("no pipe: {}", std::strerror(errno));
  }
  ~Pipe() {
    ::close(ends[0]);
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_writer() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
};

/// The error number of posix_spawnp.
int spawn(const std::vector<std::string>& argv, Actions& actions, pid_t& pid) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const auto& text : argv) arguments.push_back(const_cast<char*>(text.c_str()));
  arguments.push_back(nullptr);
  return posix_spawnp(&pid, arguments[0], actions.get(), nullptr, arguments.data(), environ);
}

void read_both(const Pipe& out, const Pipe& err, ProcessResult& result) {
  pollfd files[] = {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}};
  std::string* const texts[] = {&result.out, &result.err};
  char buffer[4096];
  for (int open = 2; open > 0;) {
    if (::poll(files, 2, -1) < 0 && errno != EINTR) break;
    for (int i = 0; i < 2; ++i) {
      if (files[i].fd < 0 || files[i].revents == 0) continue;
      const ssize_t n = ::read(files[i].fd, buffer, sizeof buffer);
      if (n > 0) {
        texts[i]->append(buffer, static_cast<size_t>(n));
      } else if (n == 0 || errno != EINTR) {
        files[i].fd = -1;
        --open;
      }
    }
  }
}

}  // namespace

std::optional<ProcessResult> run_process(const std::vector<std::string>& argv) {
  Pipe out, err;
  Actions actions;
  posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), out.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(actions.get(), err.ends[1], STDERR_FILENO);
  pid_t pid = 0;
  const int error = spawn(argv, actions, pid);
  if (error == ENOENT) return std::nullopt;
  if (error != 0) throw RunError("cannot start {}: {}", argv[0], std::strerror(error));
  out.close_writer();
  err.close_writer();
  ProcessResult result;
  read_both(out, err, result);
  result.code = wait_for_process(pid);
  return result;
}

pid_t start_process(const std::vector<std::string>& argv, const std::filesystem::path& log) {
  Actions actions;
  posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(actions.get(), STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0666);
  posix_spawn_file_actions_adddup2(actions.get(), STDOUT_FILENO, STDERR_FILENO);
  pid_t pid = 0;
  const int error = spawn(argv, actions, pid);
  if (error != 0) throw RunError("cannot start {}: {}", argv[0], std::strerror(error));
  return pid;
}

int wait_for_process(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw RunError("cannot wait for process {}: {}", pid, std::strerror(errno));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string this_program() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

}  // namespace cq
