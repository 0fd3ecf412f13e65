#include "cq/core/models/inception.h"

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include "cq/base/error.h"
#include "cq/core/layers/make.h"

namespace cq {

namespace {

constexpr double kEps = 1e-3;
constexpr int64_t kFeatures = Inception::features, kClasses = 1008, kSpatialChannels = 7;

}  // namespace

struct Inception::Shape {
  const char* name;
  int64_t out, height, width;
  int64_t stride = 1;
  bool padded = true;  ///< to the input's size; strided ones are not
};

struct Inception::BranchShape {
  Branch::Pool pool = Branch::Pool::none;
  std::vector<Shape> chain;
  std::vector<Shape> ends = {};
};

Inception::Convolution Inception::make_convolution(const Scope& scope, const Shape& s, int64_t in) {
  const auto at = scope / s.name, norm = at / "bn";
  const int64_t fan_in = in * s.height * s.width;
  const std::vector<int64_t> padding =
      s.padded ? std::vector{(s.height - 1) / 2, (s.width - 1) / 2} : std::vector<int64_t>{0, 0};
  return {.name = at.path(),
          .weight = (at / "conv").add("weight", {s.out, in, s.height, s.width}, Init::fan(fan_in)),
          .scale = norm.add("weight", {s.out}, Init::ones()),
          .shift = norm.add("bias", {s.out}, Init::zeros()),
          .mean = norm.add("running_mean", {s.out}, Init::zeros()),
          .variance = norm.add("running_var", {s.out}, Init::ones()),
          .stride = {s.stride, s.stride},
          .padding = padding};
}

Inception::Block Inception::make_block(const Scope& scope, int64_t in,
                                       const std::vector<BranchShape>& branches) {
  Block block{scope.path(), {}};
  for (const auto& shape : branches) {
    Branch branch{shape.pool, {}, {}};
    int64_t channels = in;
    for (const auto& s : shape.chain) {
      branch.chain.push_back(make_convolution(scope, s, channels));
      channels = s.out;
    }
    for (const auto& s : shape.ends) branch.ends.push_back(make_convolution(scope, s, channels));
    block.branches.push_back(std::move(branch));
  }
  return block;
}

void Inception::build_blocks(const Scope& root) {
  using Pool = Branch::Pool;
  const auto add = [&](const char* name, int64_t in, const std::vector<BranchShape>& branches) {
    blocks_.push_back(make_block(root / name, in, branches));
  };
  const auto a = [&](const char* name, int64_t in, int64_t pooled) {
    add(name, in,
        {{Pool::none, {{"branch1x1", 64, 1, 1}}},
         {Pool::none, {{"branch5x5_1", 48, 1, 1}, {"branch5x5_2", 64, 5, 5}}},
         {Pool::none,
          {{"branch3x3dbl_1", 64, 1, 1},
           {"branch3x3dbl_2", 96, 3, 3},
           {"branch3x3dbl_3", 96, 3, 3}}},
         {Pool::average, {{"branch_pool", pooled, 1, 1}}}});
  };
  const auto c = [&](const char* name, int64_t n) {
    add(name, 768,
        {{Pool::none, {{"branch1x1", 192, 1, 1}}},
         {Pool::none,
          {{"branch7x7_1", n, 1, 1}, {"branch7x7_2", n, 1, 7}, {"branch7x7_3", 192, 7, 1}}},
         {Pool::none,
          {{"branch7x7dbl_1", n, 1, 1},
           {"branch7x7dbl_2", n, 7, 1},
           {"branch7x7dbl_3", n, 1, 7},
           {"branch7x7dbl_4", n, 7, 1},
           {"branch7x7dbl_5", 192, 1, 7}}},
         {Pool::average, {{"branch_pool", 192, 1, 1}}}});
  };
  const auto e = [&](const char* name, int64_t in, Pool pool) {
    add(name, in,
        {{Pool::none, {{"branch1x1", 320, 1, 1}}},
         {Pool::none,
          {{"branch3x3_1", 384, 1, 1}},
          {{"branch3x3_2a", 384, 1, 3}, {"branch3x3_2b", 384, 3, 1}}},
         {Pool::none,
          {{"branch3x3dbl_1", 448, 1, 1}, {"branch3x3dbl_2", 384, 3, 3}},
          {{"branch3x3dbl_3a", 384, 1, 3}, {"branch3x3dbl_3b", 384, 3, 1}}},
         {pool, {{"branch_pool", 192, 1, 1}}}});
  };
  a("Mixed_5b", 192, 32);
  a("Mixed_5c", 256, 64);
  a("Mixed_5d", 288, 64);
  add("Mixed_6a", 288,
      {{Pool::none, {{"branch3x3", 384, 3, 3, 2, false}}},
       {Pool::none,
        {{"branch3x3dbl_1", 64, 1, 1},
         {"branch3x3dbl_2", 96, 3, 3},
         {"branch3x3dbl_3", 96, 3, 3, 2, false}}},
       {Pool::shrink, {}}});
  c("Mixed_6b", 128);
  c("Mixed_6c", 160);
  c("Mixed_6d", 160);
  c("Mixed_6e", 192);
  add("Mixed_7a", 768,
      {{Pool::none, {{"branch3x3_1", 192, 1, 1}, {"branch3x3_2", 320, 3, 3, 2, false}}},
       {Pool::none,
        {{"branch7x7x3_1", 192, 1, 1},
         {"branch7x7x3_2", 192, 1, 7},
         {"branch7x7x3_3", 192, 7, 1},
         {"branch7x7x3_4", 192, 3, 3, 2, false}}},
       {Pool::shrink, {}}});
  e("Mixed_7b", 1280, Pool::average);
  e("Mixed_7c", 2048, Pool::maximum);
}

Inception::Inception(Weights& weights) {
  const Scope root(weights);
  int64_t channels = 3;
  for (const Shape& s :
       {Shape{"Conv2d_1a_3x3", 32, 3, 3, 2, false}, Shape{"Conv2d_2a_3x3", 32, 3, 3, 1, false},
        Shape{"Conv2d_2b_3x3", 64, 3, 3}, Shape{"Conv2d_3b_1x1", 80, 1, 1},
        Shape{"Conv2d_4a_3x3", 192, 3, 3, 1, false}}) {
    stem_.push_back(make_convolution(root, s, channels));
    channels = s.out;
  }
  build_blocks(root);
  classes_ = (root / "fc").add("weight", {kClasses, kFeatures}, Init::fan(kFeatures));
  (root / "fc").add("bias", {kClasses}, Init::fan(kFeatures));
}

void Inception::fold() const {
  const auto fold_chain = [](const Chain& chain) {
    for (const auto& c : chain) {
      const auto factor = c.scale * at::rsqrt(c.variance + kEps);
      c.folded_weight =
          (c.weight * factor.view({-1, 1, 1, 1})).contiguous(at::MemoryFormat::ChannelsLast);
      c.folded_bias = c.shift - c.mean * factor;
    }
  };
  fold_chain(stem_);
  for (const auto& block : blocks_) {
    for (const auto& branch : block.branches) {
      fold_chain(branch.chain);
      fold_chain(branch.ends);
    }
  }
}

at::Tensor Inception::run(const Convolution& c, const at::Tensor& x, const Step& step) {
  return step.at(c.name, [&] {
    return at::convolution(x, c.folded_weight, c.folded_bias, c.stride, c.padding, {1, 1}, false,
                           {0, 0}, 1)
        .relu_();
  });
}

at::Tensor Inception::run(const Branch& branch, at::Tensor x, const Step& step) {
  switch (branch.pool) {
    case Branch::Pool::none:
      break;
    case Branch::Pool::average:
      x = at::avg_pool2d(x, {3, 3}, {1, 1}, {1, 1}, false, /*count_include_pad=*/false);
      break;
    case Branch::Pool::maximum:
      x = at::max_pool2d(x, {3, 3}, {1, 1}, {1, 1});
      break;
    case Branch::Pool::shrink:
      x = at::max_pool2d(x, {3, 3}, {2, 2});
      break;
  }
  for (const auto& convolution : branch.chain) x = run(convolution, x, step);
  if (branch.ends.empty()) return x;
  return at::cat({run(branch.ends[0], x, step), run(branch.ends[1], x, step)}, 1);
}

at::Tensor Inception::run(const Block& block, const at::Tensor& x, const Step& step) {
  return step.at(block.name, [&] {
    std::vector<at::Tensor> parts;
    for (const auto& branch : block.branches) parts.push_back(run(branch, x, step));
    return at::cat(parts, 1);
  });
}

Inception::Output Inception::forward(const at::Tensor& images, const Step& step) const {
  std::call_once(folded_, [this] { fold(); });
  auto x = images.contiguous(at::MemoryFormat::ChannelsLast);
  for (size_t i = 0; i < stem_.size(); ++i) {
    x = run(stem_[i], x, step);
    if (i == 2 || i == 4) x = at::max_pool2d(x, {3, 3}, {2, 2});
  }
  Output out;
  for (const auto& block : blocks_) {
    x = run(block, x, step);
    if (block.name.ends_with("Mixed_6d")) {
      // The block's first branch, branch1x1, begins the concatenation.
      out.spatial = x.narrow(1, 0, kSpatialChannels).permute({0, 2, 3, 1}).flatten(1).contiguous();
    }
  }
  out.pool3 = x.mean({2, 3});
  out.logits_unbiased = at::linear(out.pool3, classes_);
  return out;
}

Inception::Output Inception::forward(const at::Tensor& images) const {
  const FloatExecutor executor;
  ComputeAll compute;
  return forward(images, Step(executor, compute, 0));
}

const config::Params<InceptionParameters>& InceptionEncoder::parameters() {
  static const auto params =
      config::Params<InceptionParameters>()
          .field("resize", &InceptionParameters::resize,
                 "how images are brought to 299 x 299: bilinear between half-pixel centres, "
                 "without antialiasing (pytorch-fid)")
          .choices({"pytorch-fid"});
  return params;
}

InceptionEncoder::InceptionEncoder(const Parameters& config, Weights weights)
    : FeatureEncoder(std::move(weights)), config_(config), network_(this->weights()) {
  const std::string leaf = "running_var";
  for (const auto& [key, value] : this->weights().named()) {
    if (!key.ends_with(leaf)) continue;
    ignored_.push_back(key.substr(0, key.size() - leaf.size()) + "num_batches_tracked");
  }
}

FeatureEncoder::Named InceptionEncoder::encode(const Named& inputs, const Step& step) const {
  const auto& images = inputs.at("images");  // [B, H, W, 3]
  if (images.size(3) != 3) {
    throw UsageError("[inception] images must be [batch, height, width, 3], got [{}]",
                     fmt::join(images.sizes(), ", "));
  }
  auto x = images.permute({0, 3, 1, 2}).to(at::kFloat).div_(255);
  x = at::upsample_bilinear2d(x, {Inception::size, Inception::size}, /*align_corners=*/false);
  const auto out = network_.forward(x.mul_(2).sub_(1), step);
  return {{"pool3", out.pool3}, {"logits_unbiased", out.logits_unbiased}, {"spatial", out.spatial}};
}

}  // namespace cq
