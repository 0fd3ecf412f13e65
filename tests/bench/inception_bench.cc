// Inception over a folder of images, reading, decoding and resizing included, beside the bare
// network on tensors at hand; one line of JSON a turn, the two in turns. compare_metrics runs it.
//   build/tests/bench/cq_inception_bench WEIGHTS FOLDER THREADS BATCH TURNS
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <c10/core/GradMode.h>

#include "cq/base/error.h"
#include "cq/core/image_resize.h"
#include "cq/core/models/inception.h"
#include "cq/core/models/model.h"
#include "cq/metrics/inception_features.h"
#include "cq/metrics/inputs.h"

namespace cq {
namespace {

template <class Work>
double seconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure(const char* weights, const char* folder, int64_t batch, int64_t turns) {
  const c10::NoGradGuard no_grad;
  const auto images = EvaluationInput::open(folder);
  const auto features = make_inception_features(weights, "pytorch-fid", at::kCPU);
  const InceptionEncoder bare({}, Weights(part_of(open_weights(weights), "encoder.")));
  std::vector<at::Tensor> at_hand;
  images.each_batch(batch, false, [&](const EvaluationInput::Batch& part) {
    at_hand.push_back(resize_for_inception(part.images, Inception::size, "pytorch-fid"));
  });
  // The first pass of each prepares its weights.
  bare.network().forward(at_hand.front());
  images.each_batch(batch, false, [&, first = true](const EvaluationInput::Batch& part) mutable {
    if (first) features->compute(part.images);
    first = false;
  });
  for (int64_t turn = 0; turn < turns; ++turn) {
    const double network = seconds([&] {
      for (const at::Tensor& part : at_hand) bare.network().forward(part);
    });
    const double whole = seconds([&] {
      images.check_images(false);
      images.each_batch(batch, false, [&](const EvaluationInput::Batch& part) {
        features->compute(part.images);
      });
    });
    std::printf("{\"images\": %lld, \"network_s\": %.4f, \"images_s\": %.4f}\n",
                static_cast<long long>(images.count()), network, whole);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace cq

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: cq_inception_bench WEIGHTS FOLDER THREADS BATCH TURNS\n");
    return 2;
  }
  try {
    at::set_num_threads(std::atoi(argv[3]));
    cq::measure(argv[1], argv[2], std::atoi(argv[4]), std::atoi(argv[5]));
  } catch (const cq::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
