#pragma once
// JSON as this program writes it: never NaN or infinity, equal values always as equal bytes.
#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace cq {

/// One line with sorted keys, no spaces, shortest decimals that read back to the same double (as in
/// RFC 8785; integers in full), for hashing. Throws RunError on NaN, infinity or text that is not
/// UTF-8, naming the place.
std::string canonical_json(const nlohmann::json& value);
std::string canonical_json(const nlohmann::ordered_json& value);

/// Appends `text` as a JSON string in quotes. Throws RunError on text that is not UTF-8.
void append_json_string(std::string& out, std::string_view text);

/// Indented by two, keys in their order, with a final newline. Throws as canonical_json does.
std::string pretty_json(const nlohmann::ordered_json& value);

/// Reads a file; throws RunError naming the file and the position when it is no JSON.
nlohmann::ordered_json read_json(const std::filesystem::path& path);

/// Writes pretty_json atomically.
void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& value);

}  // namespace cq
