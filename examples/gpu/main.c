/* Runs the compiled network on a GPU and on the processor and compares what comes out.
 * The few functions of the CUDA driver that a caller needs are found at run time, as the compiled object does. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlp_cpu.h"
#include "mlp_gpu.h"

enum { IN = 784, HIDDEN = 256, OUT = 10 };

static float x[IN], w1[IN * HIDDEN], b1[HIDDEN], w2[HIDDEN * OUT], b2[OUT], got[OUT], want[OUT];
static union {
  long double align;
  unsigned char bytes[MLP_CPU_SCRATCH_BYTES + MLP_CPU_SCRATCH_ALIGN];
} memory;

static struct {
  int (*init)(unsigned flags);
  int (*device)(int *device, int ordinal);
  int (*retain)(void **context, int device);
  int (*enter)(void *context);
  int (*allocate)(uint64_t *address, size_t size);
  int (*write)(uint64_t to, const void *from, size_t size);
  int (*read)(void *to, uint64_t from, size_t size);
} driver;

static void find(void *function, void *library, const char *name) {
  void *found = dlsym(library, name);
  memcpy(function, &found, sizeof found); /* C99 has no cast from an object to a function */
  if (!found) {
    printf("the CUDA driver has no %s\n", name);
    exit(2);
  }
}

static void check(const char *what, int status) {
  if (status) {
    printf("%s: CUresult %d\n", what, status);
    exit(2);
  }
}

static void start(void) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW), *context;
  int device;
  if (!library) {
    puts("no CUDA driver on this machine");
    exit(2);
  }
  find(&driver.init, library, "cuInit");
  find(&driver.device, library, "cuDeviceGet");
  find(&driver.retain, library, "cuDevicePrimaryCtxRetain");
  find(&driver.enter, library, "cuCtxSetCurrent");
  find(&driver.allocate, library, "cuMemAlloc_v2");
  find(&driver.write, library, "cuMemcpyHtoD_v2");
  find(&driver.read, library, "cuMemcpyDtoH_v2");
  check("cuInit", driver.init(0));
  check("cuDeviceGet", driver.device(&device, 0));
  check("cuDevicePrimaryCtxRetain", driver.retain(&context, device));
  check("cuCtxSetCurrent", driver.enter(context));
}

/* Device memory, with the contents of `data` where there is any. */
static void *on_device(const void *data, size_t size) {
  uint64_t address;
  check("cuMemAlloc", driver.allocate(&address, size ? size : 1));
  if (data) check("cuMemcpyHtoD", driver.write(address, data, size));
  return (void *)(uintptr_t)address;
}

static void fill(float *p, int n, float scale) {
  static uint32_t state = 1;
  for (int i = 0; i < n; ++i) {
    state = state * 1664525u + 1013904223u;
    p[i] = scale * ((float)(state >> 8) / 8388608.0f - 1.0f);
  }
}

int main(void) {
  unsigned char *scratch =
      memory.bytes + (MLP_CPU_SCRATCH_ALIGN - (uintptr_t)memory.bytes % MLP_CPU_SCRATCH_ALIGN) % MLP_CPU_SCRATCH_ALIGN;
  void *result;
  float worst = 0;
  int status;
  fill(x, IN, 1.0f);
  fill(w1, IN * HIDDEN, 0.1f);
  fill(b1, HIDDEN, 0.1f);
  fill(w2, HIDDEN * OUT, 0.1f);
  fill(b2, OUT, 0.1f);
  start();
  result = on_device(NULL, sizeof got);
  status = mlp_gpu(on_device(x, sizeof x), on_device(w1, sizeof w1), on_device(b1, sizeof b1),
                   on_device(w2, sizeof w2), on_device(b2, sizeof b2), result,
                   on_device(NULL, MLP_GPU_SCRATCH_BYTES));
  if (status != MLP_GPU_OK) {
    printf("mlp_gpu: %s (%d)\n", mlp_gpu_strerror(status), status);
    return 2;
  }
  check("cuMemcpyDtoH", driver.read(got, (uint64_t)(uintptr_t)result, sizeof got)); /* waits for the kernels */
  status = mlp_cpu(x, w1, b1, w2, b2, want, scratch);
  if (status != MLP_CPU_OK) {
    printf("mlp_cpu: %s\n", mlp_cpu_strerror(status));
    return 2;
  }
  for (int j = 0; j < OUT; ++j) {
    float error = got[j] > want[j] ? got[j] - want[j] : want[j] - got[j];
    if (!(error <= worst)) worst = error;
    printf("class %d: GPU %.6f, processor %.6f\n", j, (double)got[j], (double)want[j]);
  }
  printf("%s\nlargest difference %.2g: %s\n", mlp_gpu_build_info(), (double)worst, worst < 1e-5f ? "ok" : "WRONG");
  return worst < 1e-5f ? 0 : 1;
}
