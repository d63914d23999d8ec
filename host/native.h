// The few calls of wgpu-native that the Go binding lacks or that would allocate Go memory in a training step:
// a whole submission in one call, readback without callbacks into Go, and shader modules without loop bounding.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct { void *pipeline, *group; uint32_t x, y, z; } mm_dispatch;
typedef struct { const mm_dispatch *list; size_t from, to; } mm_span;

enum { MM_MESSAGE = 4096 };  // bytes of an error message, its zero included

// Encodes the spans in one pass, copies size bytes (if dst is not NULL), and submits. With times, a set of two timestamp
// queries, the times of the pass's beginning and end go to src before it is copied. Returns the submission's index;
// message[0] is not 0 if anything was wrong, and then nothing was submitted.
uint64_t mm_submit(void *device, void *queue, const mm_span *spans, size_t n, void *times, void *src, uint64_t src_offset,
                   void *dst, uint64_t size, char *message);

// Starts to map a buffer for reading; *state becomes 1 when it is mapped, 2 on failure.
void mm_map(void *buffer, size_t size, int32_t *state);
const void *mm_mapped(void *buffer, size_t size);
void mm_unmap(void *buffer);

// Compiles WGSL with bounds checks, but without the loop bounding that wgpu adds by default, which slows loops over
// registers down two to three times on CPU adapters; every loop of our kernels has its bound in its head.
void *mm_shader(void *device, const char *code, size_t length, char *message);
