#include "cq/core/text/prompts.h"

#include <algorithm>
#include <sstream>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "cq/base/error.h"
#include "cq/base/files.h"

namespace cq {

namespace {

using Json = nlohmann::json;
using Texts = std::vector<std::string>;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// First caption of each image. Images without one are left out.
Texts coco_captions(const Json& document) {
  std::unordered_map<int64_t, std::string> first;
  std::vector<int64_t> order;
  for (const auto& annotation : document.at("annotations")) {
    const auto image = annotation.at("image_id").get<int64_t>();
    auto caption = annotation.at("caption").get<std::string>();
    if (first.emplace(image, std::move(caption)).second) order.push_back(image);
  }
  if (document.contains("images")) {
    order.clear();
    for (const auto& image : document.at("images")) {
      const auto id = image.at("id").get<int64_t>();
      if (first.contains(id)) order.push_back(id);
    }
  }
  Texts prompts;
  for (const auto image : order) prompts.push_back(first.at(image));
  return prompts;
}

Texts read_json(const std::string& text, const std::string& file) {
  try {
    const auto document = Json::parse(text);
    return document.is_array() ? document.get<Texts>() : coco_captions(document);
  } catch (const Json::exception& error) {
    throw UsageError(
        "{}: expected COCO captions ({{\"annotations\": [{{\"image_id\": 1, "
        "\"caption\": \"...\"}}, ...]}}) or a list of texts: {}",
        file, error.what());
  }
}

Texts split(const std::string& line) {
  Texts fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
  return fields;
}

Texts lines_of(const std::string& text) {
  Texts lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

Texts read_table(const std::string& text, const std::string& file) {
  const auto lines = lines_of(text);
  const auto names = lines.empty() ? Texts() : split(lines[0]);
  const auto column = size_t(std::find(names.begin(), names.end(), "Prompt") - names.begin());
  if (column == names.size()) {
    throw UsageError("{}:1: expected a column `Prompt` in a line of tab-separated names", file);
  }
  Texts prompts;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const auto fields = split(lines[i]);
    if (fields.size() <= column) {
      throw UsageError("{}:{}: {} columns, but `Prompt` is column {}", file, i + 1, fields.size(),
                       column + 1);
    }
    prompts.push_back(fields[column]);
  }
  return prompts;
}

}  // namespace

std::vector<std::string> read_prompts(const std::filesystem::path& file) {
  if (!std::filesystem::is_regular_file(file)) {
    throw UsageError("{}: no such file of prompts", file.string());
  }
  std::string text = read_text(file);
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  Texts prompts;
  if (file.extension() == ".json") {
    prompts = read_json(text, file.string());
  } else if (file.extension() == ".tsv") {
    prompts = read_table(text, file.string());
  } else {
    prompts = lines_of(text);
    std::erase(prompts, "");
  }
  if (prompts.empty()) throw UsageError("{}: holds no prompt", file.string());
  return prompts;
}

}  // namespace cq
