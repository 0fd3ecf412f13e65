#include "cq/core/models/dit_layout.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/core/models/dit.h"

namespace cq {
namespace {

struct Pair {
  std::string_view diffusers, official;
};

/// Modules outside the blocks.
constexpr std::array kOuter = {Pair{"pos_embed.proj.", "x_embedder.proj."},
                               Pair{"proj_out_1.", "final_layer.adaLN_modulation.1."},
                               Pair{"proj_out_2.", "final_layer.linear."}};

/// Modules of a block, below its number.
constexpr std::array kInner = {Pair{"norm1.linear.", "adaLN_modulation.1."},
                               Pair{"attn1.to_out.0.", "attn.proj."},
                               Pair{"ff.net.0.proj.", "mlp.fc1."}, Pair{"ff.net.2.", "mlp.fc2."}};

/// Modules that every block of diffusers' has, and the official code once.
constexpr std::array kCopied = {
    Pair{"norm1.emb.timestep_embedder.linear_1.", "t_embedder.mlp.0."},
    Pair{"norm1.emb.timestep_embedder.linear_2.", "t_embedder.mlp.2."},
    Pair{"norm1.emb.class_embedder.embedding_table.", "y_embedder.embedding_table."}};

constexpr std::string_view kQuery = "attn1.to_q.", kKey = "attn1.to_k.", kValue = "attn1.to_v.";

struct Block {
  int64_t number;
  std::string rest;
};

/// <blocks><number>.<rest>
std::optional<Block> in_block(std::string_view name, std::string_view blocks) {
  if (!name.starts_with(blocks)) return std::nullopt;
  name.remove_prefix(blocks.size());
  Block block{};
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), block.number);
  const auto digits = size_t(end - name.data());
  if (error != std::errc() || block.number < 0 || digits >= name.size() || name[digits] != '.') {
    return std::nullopt;
  }
  block.rest = name.substr(digits + 1);
  return block;
}

/// The name with the head that one of `pairs` has on the side `from` replaced by the other side.
template <size_t n>
std::optional<std::string> translate(const std::array<Pair, n>& pairs, const std::string& name,
                                     std::string_view Pair::*from, std::string_view Pair::*to) {
  for (const Pair& pair : pairs) {
    if (!name.starts_with(pair.*from)) continue;
    return std::string(pair.*to) + name.substr((pair.*from).size());
  }
  return std::nullopt;
}

std::string block_name(int64_t number, std::string_view rest) {
  return fmt::format("transformer_blocks.{}.{}", number, rest);
}

/// Throws RunError for positions [1, N, D] other than those that diffusers computes.
void check_positions(const at::Tensor& value, const std::string& where) {
  const int64_t tokens = value.dim() == 3 ? value.size(1) : 0;
  const auto size = int64_t(std::lround(std::sqrt(double(tokens))));
  if (tokens > 0 && size * size == tokens && value.size(2) % 4 == 0 &&
      value.to(at::kFloat).allclose(sincos_positions(size, value.size(2)), 1e-3, 1e-3)) {
    return;
  }
  throw RunError("{}: pos_embed is not the sines and cosines that diffusers puts in its place",
                 where);
}

class Reader {
 public:
  explicit Reader(const std::vector<std::string>& names) : known_(names.begin(), names.end()) {}

  std::map<std::string, LayoutEntry> read() const {
    std::map<std::string, LayoutEntry> out;
    for (const auto& name : known_) {
      if (name == "pos_embed.pos_embed") {  // older versions store what newer ones compute
        out["pos_embed"] = {name};
      } else if (const auto outer = translate(kOuter, name, &Pair::diffusers, &Pair::official)) {
        out[*outer] = {name};
      } else if (const auto block = in_block(name, "transformer_blocks.")) {
        add(name, *block, out);
      } else {
        out[name] = {name};
      }
    }
    return out;
  }

 private:
  void add(const std::string& name, const Block& block,
           std::map<std::string, LayoutEntry>& out) const {
    const auto official = fmt::format("blocks.{}.", block.number);
    if (const auto inner = translate(kInner, block.rest, &Pair::diffusers, &Pair::official)) {
      out[official + *inner] = {name};
    } else if (const auto copied =
                   translate(kCopied, block.rest, &Pair::diffusers, &Pair::official)) {
      const auto first = block_name(0, block.rest);
      auto& entry = out[*copied];
      if (known_.contains(first)) entry.name = first;
      if (entry.name.empty()) entry.name = name;
      if (name != entry.name) entry.copies.push_back(name);
    } else if (!add_product(block, out)) {
      out[official + block.rest] = {name};
    }
  }

  /// q, k and v as the rows of one tensor; alone, they keep their names and are missed or unknown.
  bool add_product(const Block& block, std::map<std::string, LayoutEntry>& out) const {
    for (const auto part : {kQuery, kKey, kValue}) {
      if (!block.rest.starts_with(part)) continue;
      const auto leaf = block.rest.substr(part.size());
      std::vector<std::string> all;
      for (const auto one : {kQuery, kKey, kValue}) {
        all.push_back(block_name(block.number, std::string(one) + leaf));
        if (!known_.contains(all.back())) return false;
      }
      out[fmt::format("blocks.{}.attn.qkv.{}", block.number, leaf)] = {
          all[0], {}, {all[1], all[2]}};
      return true;
    }
    return false;
  }

  std::set<std::string> known_;
};

}  // namespace

std::map<std::string, LayoutEntry> from_diffusers_dit(const std::vector<std::string>& names) {
  return Reader(names).read();
}

std::vector<std::pair<std::string, at::Tensor>> to_diffusers_dit(const WeightSource& source,
                                                                 const std::string& prefix) {
  std::vector<std::pair<std::string, at::Tensor>> out, copied;
  int64_t blocks = 0;
  for (const auto& whole : source.names()) {
    if (!whole.starts_with(prefix)) continue;
    const auto name = whole.substr(prefix.size());
    const auto value = source.get(whole);
    if (name == "pos_embed") {
      check_positions(value, source.description());
      continue;
    }
    if (const auto copy = translate(kCopied, name, &Pair::official, &Pair::diffusers)) {
      copied.emplace_back(*copy, value);
      continue;
    }
    const auto block = in_block(name, "blocks.");
    if (!block) {
      out.emplace_back(translate(kOuter, name, &Pair::official, &Pair::diffusers).value_or(name),
                       value);
      continue;
    }
    blocks = std::max(blocks, block->number + 1);
    constexpr std::string_view kJoined = "attn.qkv.";
    if (block->rest.starts_with(kJoined)) {
      const auto leaf = block->rest.substr(kJoined.size());
      const auto rows = value.chunk(3, 0);
      size_t i = 0;
      for (const auto part : {kQuery, kKey, kValue}) {
        out.emplace_back(block_name(block->number, std::string(part) + leaf), rows.at(i++));
      }
      continue;
    }
    out.emplace_back(
        block_name(block->number, translate(kInner, block->rest, &Pair::official, &Pair::diffusers)
                                      .value_or(block->rest)),
        value);
  }
  for (const auto& [rest, value] : copied) {
    for (int64_t i = 0; i < blocks; ++i) out.emplace_back(block_name(i, rest), value);
  }
  return out;
}

}  // namespace cq
