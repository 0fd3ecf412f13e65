#pragma once
// SHA-256 of bytes and files; what stages and weights are named by.
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace cq {

/// SHA-256 fed piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  Sha256& add(const void* data, size_t bytes);
  Sha256& add(std::string_view data) { return add(data.data(), data.size()); }
  /// 64 lower-case hexadecimal digits. Nothing may be added afterwards.
  std::string hex();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// 64 lower-case hexadecimal digits.
std::string sha256(std::string_view data);

/// Of a file's content, read in pieces. Throws RunError when it cannot be read.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace cq
