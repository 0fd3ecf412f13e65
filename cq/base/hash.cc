#include "cq/base/hash.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include <openssl/evp.h>

#include "cq/base/error.h"

namespace cq {

struct Sha256::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~Impl() { EVP_MD_CTX_free(context); }
};

namespace {

/// Fetched once: a fetch for each hash costs more than hashing a short text.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (fetched == nullptr) throw RunError("OpenSSL offers no SHA-256 on this machine");
  return fetched;
}

void check(int ok) {
  if (ok != 1) throw RunError("OpenSSL failed to compute a SHA-256");
}

}  // namespace

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  check(EVP_DigestInit_ex(impl_->context, algorithm(), nullptr));
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

Sha256& Sha256::add(const void* data, size_t bytes) {
  check(EVP_DigestUpdate(impl_->context, data, bytes));
  return *this;
}

std::string Sha256::hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(impl_->context, digest, &size));
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * size_t{size});
  for (unsigned int i = 0; i < size; ++i) {
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15];
  }
  return text;
}

std::string sha256(std::string_view data) {
  return Sha256().add(data).hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) throw RunError("cannot read {}: {}", path.string(), std::strerror(errno));
  Sha256 hash;
  std::vector<char> block(1 << 20);
  while (const size_t got = std::fread(block.data(), 1, block.size(), file.get())) {
    hash.add(block.data(), got);
  }
  if (std::ferror(file.get())) {
    throw RunError("cannot read {}: {}", path.string(), std::strerror(errno));
  }
  return hash.hex();
}

}  // namespace cq
