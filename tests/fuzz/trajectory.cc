// HDF5, as a checkpoint and as a trajectory file.
#include "cq/core/io/trajectory.h"

#include "cq/core/io/hdf5_checkpoint.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/read_all.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const cq::fuzz::InputFile input(data, size);
  cq::fuzz::attempt([&] {
    if (cq::is_hdf5_file(input.path())) {
      cq::fuzz::read_all(cq::Hdf5Checkpoint::open(input.path()));
    }
  });
  return cq::fuzz::attempt([&] {
    if (!cq::is_trajectory(input.path())) return;
    const auto file = cq::TrajectoryFile::open(input.path());
    for (const auto& layer : file.layers()) {
      const auto shape = file.shape(layer);
      if (shape[0] > 0 && shape[1] > 0) file.read(layer, 0, 0, 1);
      file.moments(layer);
    }
    for (const auto& metric : file.metrics()) file.distance(metric);
  });
}
