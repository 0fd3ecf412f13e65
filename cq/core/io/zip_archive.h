#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace cq {

/// A zip file for reading. Members are stored or deflated; everything else (encryption, other
/// methods, members that overlap or expand far beyond the file) is refused when opened.
/// May be used from several threads at once.
class ZipArchive {
 public:
  struct Member {
    std::string name;
    uint64_t size;        // bytes, expanded
    uint64_t compressed;  // bytes in the file
  };

  /// Throws RunError (naming path and member).
  static ZipArchive open(const std::filesystem::path& path);

  ZipArchive(ZipArchive&&) noexcept;
  ZipArchive& operator=(ZipArchive&&) noexcept;
  ~ZipArchive();

  /// In the order of the archive's directory.
  const std::vector<Member>& members() const { return members_; }
  bool contains(const std::string& name) const { return index_.contains(name); }

  /// Throws RunError for an unknown name.
  const Member& member(const std::string& name) const;

  /// The whole member; its CRC is checked.
  std::vector<uint8_t> read(const std::string& name) const;

  /// The whole member into `target`, which has room for member(name).size bytes; its CRC is
  /// checked.
  void read_into(const std::string& name, void* target) const;

  /// A member read piece by piece; its CRC is checked with its last byte. The archive must outlive
  /// it, and neither may be moved.
  class Stream {
   public:
    Stream(Stream&& other) noexcept;
    ~Stream();
    /// The next `bytes` bytes, which must be there.
    void read(void* target, uint64_t bytes);

   private:
    friend class ZipArchive;
    struct File;
    Stream(const ZipArchive& archive, const std::string& name);
    [[noreturn]] void fail(const std::string& reason) const;

    const ZipArchive& archive_;
    std::string name_;
    std::unique_ptr<File> file_;
    uint64_t left_;
  };
  Stream stream(const std::string& name) const { return {*this, name}; }

  /// The first `bytes` bytes (fewer where the member is shorter), without a check of the CRC.
  std::vector<uint8_t> read_start(const std::string& name, uint64_t bytes) const;

  const std::filesystem::path& path() const { return path_; }

 private:
  struct Handle;
  explicit ZipArchive(std::filesystem::path path);
  void list_members();
  void check_expansion() const;

  std::filesystem::path path_;
  std::unique_ptr<Handle> handle_;
  std::vector<Member> members_;
  std::unordered_map<std::string, size_t> index_;
};

/// Whether the file starts as a zip file does.
bool is_zip(const std::filesystem::path& path);

}  // namespace cq
