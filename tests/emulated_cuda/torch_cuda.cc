// A libtorch_cuda.so without a GPU, for tests: tensors of device cuda whose memory the host cannot
// touch, computed by libtorch's CPU kernels. Loaded in place of the real one (same soname), it runs
// the program's `--device cuda` and fails where a GPU would: operands on different devices, a
// host's pointer taken to the device's memory or the other way, a generator of the wrong device.
// Not emulated: streams, speed, rounding, most operators that only CUDA has.
#include <cstring>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/copy.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/alloc_cpu.h>
#include <torch/library.h>

namespace {

using c10::IValue;
using Stack = torch::jit::Stack;

const at::Device kDevice(at::kCUDA, 0);

/// Added to an address of the host: no canonical x86-64 or AArch64 address, so that reading or
/// writing there faults at once.
constexpr uintptr_t kFar = uintptr_t(1) << 60;

void* far(void* host) {
  return host == nullptr ? nullptr : reinterpret_cast<void*>(uintptr_t(host) + kFar);
}
void* near(const void* device) {
  return device == nullptr ? nullptr : reinterpret_cast<void*>(uintptr_t(device) - kFar);
}

class FarAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* host = bytes == 0 ? nullptr : c10::alloc_cpu(bytes);
    return {far(host), far(host), &release, kDevice};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(near(to), near(from), bytes);
  }

 private:
  static void release(void* device) { c10::free_cpu(near(device)); }
};

FarAllocator allocator;

/// The same memory as a tensor of the CPU.
at::Tensor alias(const at::Tensor& x) {
  if (!x.defined() || !x.is_cuda()) return x;
  const auto options = at::TensorOptions().dtype(x.dtype());
  if (x.numel() == 0) return at::empty(x.sizes(), options);
  return at::from_blob(near(x.const_data_ptr()), x.sizes(), x.strides(), options);
}

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, at::ScalarType type) {
  return at::detail::empty_strided_generic(sizes, strides, &allocator,
                                           c10::DispatchKeySet(c10::DispatchKey::CUDA), type);
}

at::Tensor to_device(const at::Tensor& x) {
  if (!x.defined() || x.is_cuda()) return x;
  const auto made = empty_strided(x.sizes(), x.strides(), x.scalar_type());
  if (x.numel() > 0) alias(made).copy_(x);
  return made;
}

/// What an operator did to the size of an operand that it writes.
void follow(const at::Tensor& device, const at::Tensor& cpu) {
  if (!device.defined() || !device.is_cuda() || device.sizes() == cpu.sizes()) return;
  const auto made = to_device(cpu);
  auto* impl = device.unsafeGetTensorImpl();
  impl->set_storage_keep_dtype(made.storage());
  impl->set_storage_offset(0);
  impl->set_sizes_and_strides(made.sizes(), made.strides());
}

/// A generator of the device: one of the CPU's, lent to its kernels.
class FarGenerator final : public c10::GeneratorImpl {
 public:
  FarGenerator()
      : GeneratorImpl(kDevice, c10::DispatchKeySet(c10::DispatchKey::CUDA)),
        host_(at::detail::createCPUGenerator()) {}

  const at::Generator& host() const { return host_; }
  void set_current_seed(uint64_t seed) override { host_.set_current_seed(seed); }
  void set_offset(uint64_t offset) override { host_.set_offset(offset); }
  uint64_t get_offset() const override { return host_.get_offset(); }
  uint64_t current_seed() const override { return host_.current_seed(); }
  uint64_t seed() override { return host_.seed(); }
  void set_state(const c10::TensorImpl& state) override {
    host_.unsafeGetGeneratorImpl()->set_state(state);
  }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    return host_.unsafeGetGeneratorImpl()->get_state();
  }
  GeneratorImpl* clone_impl() const override {
    auto* copy = new FarGenerator();
    copy->host_ = host_.clone();
    return copy;
  }

 private:
  at::Generator host_;
};

/// Operators of CUDA that take operands or indices of the CPU, as the real ones do.
bool takes_host_operands(const std::string& name) {
  return name == "aten::index" || name == "aten::index_put_" || name == "aten::_index_put_impl_";
}

class Call {
 public:
  Call(const c10::OperatorHandle& op, Stack& stack) : op_(op), stack_(stack) {
    const size_t count = op.schema().arguments().size();
    given_.assign(stack.end() - int64_t(count), stack.end());
    for (size_t i = 0; i < count; ++i) stack[stack.size() - count + i] = on_cpu(given_[i]);
    lent_.assign(stack.end() - int64_t(count), stack.end());
  }

  void run() {
    op_.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), &stack_);
    for (size_t i = 0; i < given_.size(); ++i) {
      if (writes(op_.schema().arguments()[i])) follow(given_[i], lent_[i]);
    }
    const auto& returns = op_.schema().returns();
    const size_t first = stack_.size() - returns.size();
    for (size_t i = 0; i < returns.size(); ++i) {
      stack_[first + i] = returned(returns[i], stack_[first + i]);
    }
  }

 private:
  static bool writes(const c10::Argument& argument) {
    return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
  }
  void follow(const IValue& device, const IValue& cpu) {
    if (device.isTensor()) ::follow(device.toTensor(), cpu.toTensor());
    if (!device.isTensorList()) return;
    const auto to = device.toTensorVector(), from = cpu.toTensorVector();
    for (size_t i = 0; i < to.size(); ++i) ::follow(to[i], from[i]);
  }

  IValue on_cpu(const IValue& value) const {
    if (value.isDevice()) return c10::Device(at::kCPU);
    if (value.isGenerator()) {
      const auto generator = value.toGenerator();
      TORCH_CHECK(generator.device().is_cuda(), name(),
                  ": Expected a 'cuda' device type for generator");
      return static_cast<FarGenerator*>(generator.unsafeGetGeneratorImpl())->host();
    }
    if (value.isTensor()) return lent(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const auto& x : value.toTensorVector()) list.push_back(lent(x));
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> list;
      for (const std::optional<at::Tensor>& x : value.toOptionalTensorVector()) {
        list.push_back(x ? std::optional(lent(*x)) : std::nullopt);
      }
      return list;
    }
    return value;
  }
  at::Tensor lent(const at::Tensor& x) const {
    const bool fits = !x.defined() || x.is_cuda() || x.dim() == 0 || takes_host_operands(name());
    TORCH_CHECK(fits, "Expected all tensors to be on the same device, but ", name(), " got one [",
                x.sizes(), "] on ", x.device());
    return alias(x);
  }
  const std::string& name() const { return op_.schema().name(); }

  IValue returned(const c10::Argument& what, const IValue& value) const {
    if (what.alias_info() != nullptr) {
      for (size_t i = 0; i < given_.size(); ++i) {
        const auto* info = op_.schema().arguments()[i].alias_info();
        if (info != nullptr && *info == *what.alias_info()) return given_[i];
      }
    }
    if (value.isTensor()) return to_device(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const auto& x : value.toTensorVector()) list.push_back(to_device(x));
      return list;
    }
    return value;
  }

  const c10::OperatorHandle& op_;
  Stack& stack_;
  std::vector<IValue> given_, lent_;
};

void compute_on_cpu(const c10::OperatorHandle& op, Stack* stack) {
  Call(op, *stack).run();
}

at::Tensor empty(at::IntArrayRef sizes, std::optional<at::ScalarType> type,
                 std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>,
                 std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(sizes, &allocator, c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                   type.value_or(at::kFloat), format);
}

at::Tensor empty_with_strides(at::IntArrayRef sizes, at::IntArrayRef strides,
                              std::optional<at::ScalarType> type, std::optional<at::Layout>,
                              std::optional<at::Device>, std::optional<bool>) {
  return empty_strided(sizes, strides, type.value_or(at::kFloat));
}

at::Tensor& copy(at::Tensor& to, const at::Tensor& from, bool) {
  auto there = alias(to);
  if (there.numel() > 0) there.copy_(alias(from));
  return to;
}

/// 0: softmax and two products. The fused kernels are CUDA's own.
int64_t plain_attention(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                        const std::optional<at::Tensor>&, double, bool, std::optional<double>,
                        bool) {
  return 0;
}

/// An operator of CUDA alone.
at::Tensor depthwise(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef,
                     const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                     at::IntArrayRef padding, at::IntArrayRef dilation) {
  const auto own = bias ? std::optional(alias(*bias)) : std::nullopt;
  return to_device(at::conv2d(alias(x), alias(weight), own, stride, padding, dilation, x.size(1)));
}

struct CUDAHooks : at::CUDAHooksInterface {
  explicit CUDAHooks(at::CUDAHooksArgs) {}
  void init() const override {}
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasCUDA() const override { return true; }
  int getNumGPUs() const override { return 1; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  void deviceSynchronize(c10::DeviceIndex) const override {}
  at::Generator getNewGenerator(c10::DeviceIndex) const override {
    return at::make_generator<FarGenerator>();
  }
};

/// One device with one stream, on which everything is done by the time a call returns.
struct Guard final : c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::CUDA> {
  c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
  c10::Device getDevice() const override { return kDevice; }
  c10::Stream getStream(c10::Device) const noexcept override { return stream(); }
  c10::Stream getNewStream(c10::Device, int) const override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return stream(); }
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override {}
  void synchronizeEvent(void*) const override {}
  void synchronizeDevice(c10::DeviceIndex) const override {}

 private:
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
};

[[maybe_unused]] const bool allocator_is_set = [] {
  c10::SetAllocator(c10::DeviceType::CUDA, &allocator);
  return true;
}();

}  // namespace

namespace at {
using ::CUDAHooks;
REGISTER_CUDA_HOOKS(CUDAHooks)
}  // namespace at

namespace c10::impl {
C10_REGISTER_GUARD_IMPL(CUDA, Guard)
}  // namespace c10::impl

TORCH_LIBRARY_IMPL(_, CUDA, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&compute_on_cpu>());
}

TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  m.impl("empty.memory_format", TORCH_FN(empty));
  m.impl("empty_strided", TORCH_FN(empty_with_strides));
  m.impl("copy_", TORCH_FN(copy));
  m.impl("as_strided", TORCH_FN(at::native::as_strided_tensorimpl));
  m.impl("view", TORCH_FN(at::native::view));
  m.impl("_reshape_alias", TORCH_FN(at::native::_reshape_alias));
  m.impl("unfold", TORCH_FN(at::native::unfold));
  m.impl("_fused_sdp_choice", TORCH_FN(plain_attention));
  m.impl("_conv_depthwise2d", TORCH_FN(depthwise));
}
