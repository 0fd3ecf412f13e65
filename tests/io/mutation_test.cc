// Every reader on thousands of damaged versions of valid files: an Error or a result, nothing else.
#include <functional>
#include <random>

#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/checkpoint.h"
#include "cq/core/io/image.h"
#include "cq/core/io/npy.h"
#include "cq/core/io/npz.h"
#include "cq/core/io/safetensors.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

using test::TempFolder;
using Path = std::filesystem::path;

std::string mutate(std::string text, std::mt19937& random) {
  const auto below = [&](size_t n) { return n == 0 ? 0 : random() % n; };
  for (size_t i = 0, count = 1 + below(4); i < count && !text.empty(); ++i) {
    const size_t at = below(text.size());
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(text[at] ^ 1 << below(8));
        break;
      case 1:
        text[at] = static_cast<char>(random());
        break;
      case 2:
        text.resize(at);
        break;
      case 3:
        text.erase(at, 1 + below(8));
        break;
      case 4:
        text.insert(at, text.substr(below(text.size()), 1 + below(16)));
        break;
      default: {
        constexpr char kExtreme[] = {'\0', '\x7f', '\x80', '\xff'};
        for (size_t k = at; k < std::min(at + 8, text.size()); ++k) text[k] = kExtreme[below(4)];
      }
    }
  }
  return text;
}

void survive(const std::string& valid, int count, const std::function<void(const Path&)>& read) {
  const TempFolder folder;
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    test::write_text(folder / "x", mutate(valid, random));
    try {
      read(folder / "x");
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, count / 10);
}

void read_checkpoint(const Path& path) {
  const auto file = open_checkpoint(path);
  for (const std::string& name : file->names()) file->tensor(name).sum();
}

std::string data(const std::string& name) {
  return test::read_text(Path(CQ_SOURCE_DIR) / "tests/io/data" / name);
}

TEST(Mutation, torch_files) {
  for (const char* name : {"zip.pt", "legacy.pt", "lightning.ckpt", "deflated.pt"}) {
    survive(data(name), 2000, read_checkpoint);
  }
}

TEST(Mutation, safetensors) {
  const TempFolder folder;
  write_safetensors(folder / "x", {{"a", at::ones({2, 3})}, {"b", at::ones({5}, at::kBool)}},
                    {{"k", "v"}});
  survive(test::read_text(folder / "x"), 4000, read_checkpoint);
}

TEST(Mutation, npy_and_npz) {
  const TempFolder folder;
  const at::Tensor x = at::arange(24, at::kFloat).reshape({2, 3, 4});
  write_npy(folder / "x.npy", x);
  survive(test::read_text(folder / "x.npy"), 4000, [](const Path& path) { read_npy(path).sum(); });
  write_npz(folder / "x.npz", {{"a", x}, {"b", x}}, true);
  survive(test::read_text(folder / "x.npz"), 2000, read_checkpoint);
}

TEST(Mutation, images) {
  const TempFolder folder;
  write_png(folder / "x.png", at::arange(16 * 16 * 3).to(at::kByte).reshape({16, 16, 3}));
  survive(test::read_text(folder / "x.png"), 2000, [](const Path& path) { read_image(path); });
}

}  // namespace
}  // namespace cq
