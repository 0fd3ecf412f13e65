#include "cq/experiments/reports/gnuplot.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cq/base/error.h"
#include "cq/experiments/reports/text.h"

extern char** environ;

namespace cq::reports {
namespace {

/// A file in memory: no pipe can fill up while the other side waits.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : fd_(memfd_create(name, MFD_CLOEXEC)) {
    if (fd_ < 0) throw RunError("[report] cannot get memory for a picture: {}", strerror(errno));
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }

  void fill(const std::string& content) {
    size_t done = 0;
    while (done < content.size()) {
      const ssize_t n = write(fd_, content.data() + done, content.size() - done);
      if (n < 0) throw RunError("[report] cannot hand a script to gnuplot: {}", strerror(errno));
      done += static_cast<size_t>(n);
    }
    lseek(fd_, 0, SEEK_SET);
  }

  std::string content() const {
    std::string out(static_cast<size_t>(lseek(fd_, 0, SEEK_END)), '\0');
    lseek(fd_, 0, SEEK_SET);
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t n = read(fd_, out.data() + done, out.size() - done);
      if (n <= 0) throw RunError("[report] cannot read gnuplot's picture: {}", strerror(errno));
      done += static_cast<size_t>(n);
    }
    return out;
  }

 private:
  int fd_;
};

std::string run_gnuplot(const std::string& script, const std::string& picture) {
  MemoryFile in("script"), out("picture"), messages("messages");
  in.fill(script);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.fd(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.fd(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, messages.fd(), STDERR_FILENO);
  // --default-settings: a user's start-up file must not change a report.
  std::string program = "gnuplot", plain = "--default-settings";
  char* arguments[] = {program.data(), plain.data(), nullptr};
  pid_t child = 0;
  const int failed = posix_spawnp(&child, "gnuplot", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed)
    throw RunError(
        "[report] pictures need gnuplot, which does not start ({}): install it "
        "(Debian: gnuplot-nox), or ask for --format csv",
        strerror(failed));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw RunError("[report] gnuplot failed on picture {}: {}", picture, messages.content());
  return out.content();
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// Without gnuplot's own title and description, which name the program, not the picture.
std::string without_element(std::string svg, const std::string& name) {
  const size_t from = svg.find("<" + name + ">");
  const std::string end = "</" + name + ">";
  const size_t to = svg.find(end);
  if (from != std::string::npos && to != std::string::npos) svg.erase(from, to - from + end.size());
  return svg;
}

}  // namespace

bool gnuplot_found() {
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
    const auto end = std::min(rest.find(':'), rest.size());
    if (access((std::string(rest.substr(0, end)) + "/gnuplot").c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

std::string render_svg(const Figure& figure) {
  const std::string terminal = fmt::format(
      "set terminal svg size {},{} dynamic noenhanced font 'sans-serif,13' "
      "background rgb 'white'\n",
      figure.width, figure.height);
  const std::string svg = run_gnuplot(terminal + figure.script, figure.file);
  if (svg.find("</svg>") == std::string::npos)
    throw RunError("[report] gnuplot left picture {} unfinished", figure.file);
  return without_element(without_element(svg, "title"), "desc");
}

std::string render_pdf(const Figure& figure) {
  const std::string terminal =
      fmt::format("set terminal pdfcairo size {:.2f}in,{:.2f}in noenhanced font 'sans-serif,9'\n",
                  figure.width / 110.0, figure.height / 110.0);
  const std::string pdf = run_gnuplot(terminal + figure.script, figure.file);
  if (!pdf.starts_with("%PDF"))
    throw RunError(
        "[report] gnuplot made no PDF of picture {}: it lacks the pdfcairo terminal; "
        "install gnuplot-nox",
        figure.file);
  return pdf;
}

std::string inline_svg(const std::string& svg, const std::string& id, const std::string& caption) {
  std::string out = svg.substr(svg.find("<svg"));
  out = replaced(out, "<svg", fmt::format("<svg role=\"img\" aria-label=\"{}\"", html(caption)));
  out = replaced(out, " xmlns=\"http://www.w3.org/2000/svg\"\n", "");
  out = replaced(out, " xmlns:xlink=\"http://www.w3.org/1999/xlink\"\n", "");
  out = replaced(out, "xlink:href='#", fmt::format("href='#{}-", id));
  out = replaced(out, "id='", fmt::format("id='{}-", id));
  out = replaced(out, "id=\"", fmt::format("id=\"{}-", id));
  out = replaced(out, "url(#", fmt::format("url(#{}-", id));
  for (const char* attribute : {"stroke", "fill", "color"})
    for (const char* black : {"black", "rgb(  0,   0,   0)"})
      for (const char quote : {'\'', '"'})
        out = replaced(out, fmt::format("{}={}{}{}", attribute, quote, black, quote),
                       fmt::format("{}=\"currentColor\"", attribute));
  // The paper that the stand-alone file is printed on.
  for (const char* white : {"#ffffff", "#FFFFFF", "white", "rgb(255, 255, 255)"})
    out = replaced(out, fmt::format("fill=\"{}\"", white), "fill=\"none\"");
  return out;
}

}  // namespace cq::reports
