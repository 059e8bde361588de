/* Runs the compiled network on made-up weights and compares it with the same network in plain C.
 * exp() is spelled out so that the program needs no library but the C runtime. */
#include <stdio.h>

#include "mlp.h"

enum { IN = 784, HIDDEN = 256, OUT = 10 };

static float x[IN], w1[IN * HIDDEN], b1[HIDDEN], w2[HIDDEN * OUT], b2[OUT], got[OUT], want[OUT];
static union {
  long double align;
  unsigned char bytes[MLP_SCRATCH_BYTES + MLP_SCRATCH_ALIGN];
} memory;

static uint32_t state = 1;

static void fill(float *p, int n, float scale) {
  for (int i = 0; i < n; ++i) {
    state = state * 1664525u + 1013904223u;
    p[i] = scale * ((float)(state >> 8) / 8388608.0f - 1.0f);
  }
}

static double exponential(double v) {
  double term = 1, sum = 1, small = v / 1024;
  for (int i = 1; i < 12; ++i) sum += term *= small / i;
  for (int i = 0; i < 10; ++i) sum *= sum;
  return sum;
}

static void reference(void) {
  static double hidden[HIDDEN];
  double out[OUT], largest = -1e30, total = 0;
  for (int j = 0; j < HIDDEN; ++j) {
    double sum = b1[j];
    for (int i = 0; i < IN; ++i) sum += (double)x[i] * w1[i * HIDDEN + j];
    hidden[j] = sum > 0 ? sum : 0;
  }
  for (int j = 0; j < OUT; ++j) {
    out[j] = b2[j];
    for (int i = 0; i < HIDDEN; ++i) out[j] += hidden[i] * w2[i * OUT + j];
    if (out[j] > largest) largest = out[j];
  }
  for (int j = 0; j < OUT; ++j) total += out[j] = exponential(out[j] - largest);
  for (int j = 0; j < OUT; ++j) want[j] = (float)(out[j] / total);
}

int main(void) {
  unsigned char *scratch = memory.bytes + (MLP_SCRATCH_ALIGN - (uintptr_t)memory.bytes % MLP_SCRATCH_ALIGN) % MLP_SCRATCH_ALIGN;
  float worst = 0;
  int status;
  fill(x, IN, 1.0f);
  fill(w1, IN * HIDDEN, 0.1f);
  fill(b1, HIDDEN, 0.1f);
  fill(w2, HIDDEN * OUT, 0.1f);
  fill(b2, OUT, 0.1f);
  if (!mlp_cpu_supported()) {
    puts("this processor lacks an instruction set that the object was compiled for");
    return 2;
  }
  status = mlp(x, w1, b1, w2, b2, got, scratch);
  if (status != MLP_OK) {
    printf("mlp: %s\n", mlp_strerror(status));
    return 2;
  }
  reference();
  for (int j = 0; j < OUT; ++j) {
    float error = got[j] > want[j] ? got[j] - want[j] : want[j] - got[j];
    if (!(error <= worst)) worst = error;
    printf("class %d: %.6f, reference %.6f\n", j, (double)got[j], (double)want[j]);
  }
  printf("%s\nlargest error %.2g: %s\n", mlp_build_info(), (double)worst, worst < 1e-5f ? "ok" : "WRONG");
  return worst < 1e-5f ? 0 : 1;
}
