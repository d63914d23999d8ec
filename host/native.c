//go:build !js

#include "native.h"

#include <stdlib.h>
#include <string.h>

// What follows is declared as in wgpu-native 29's webgpu.h and wgpu.h, which the Go binding keeps to itself.
typedef struct { const char *data; size_t length; } string_view;
typedef struct chained { struct chained *next; uint32_t type; } chained;
typedef struct { chained chain; string_view code; } shader_source;
typedef struct { chained *next; string_view label; } shader_descriptor;
typedef struct { chained *next; void *queries; uint32_t begin, end; } timestamp_writes;
typedef struct { chained *next; string_view label; const timestamp_writes *times; } pass_descriptor;
typedef struct { chained *next; uint32_t mode; void *callback; void *userdata1, *userdata2; } callback_info;
typedef struct { uint64_t id; } future;

extern void *wgpuDeviceCreateCommandEncoder(void *device, const void *descriptor);
extern void *wgpuCommandEncoderBeginComputePass(void *encoder, const pass_descriptor *descriptor);
extern void wgpuCommandEncoderResolveQuerySet(void *encoder, void *queries, uint32_t first, uint32_t count, void *dst, uint64_t offset);
extern void wgpuComputePassEncoderSetPipeline(void *pass, void *pipeline);
extern void wgpuComputePassEncoderSetBindGroup(void *pass, uint32_t index, void *group, size_t count, const uint32_t *offsets);
extern void wgpuComputePassEncoderDispatchWorkgroups(void *pass, uint32_t x, uint32_t y, uint32_t z);
extern void wgpuComputePassEncoderEnd(void *pass);
extern void wgpuComputePassEncoderRelease(void *pass);
extern void wgpuCommandEncoderCopyBufferToBuffer(void *encoder, void *src, uint64_t so, void *dst, uint64_t d, uint64_t size);
extern void *wgpuCommandEncoderFinish(void *encoder, const void *descriptor);
extern void wgpuCommandEncoderRelease(void *encoder);
extern void wgpuCommandBufferRelease(void *commands);
extern uint64_t wgpuQueueSubmitForIndex(void *queue, size_t count, void *const *commands);
extern void wgpuDevicePushErrorScope(void *device, uint32_t filter);
extern future wgpuDevicePopErrorScope(void *device, callback_info info);
extern future wgpuBufferMapAsync(void *buffer, uint64_t mode, size_t offset, size_t size, callback_info info);
extern const void *wgpuBufferGetConstMappedRange(void *buffer, size_t offset, size_t size);
extern void wgpuBufferUnmap(void *buffer);
extern void *wgpuDeviceCreateShaderModuleTrusted(void *device, const shader_descriptor *descriptor, uint64_t checks);

enum { filter_validation = 1, error_none = 1, map_read = 1, map_success = 1, spontaneous = 3, type_wgsl = 2, bounds_checks = 1 };

static void on_error(uint32_t status, uint32_t type, string_view message, void *text, void *unused) {
  (void)status, (void)unused;
  if (type == error_none) return;
  if (message.data == NULL) message = (string_view){"unknown error", 13};
  size_t n = message.length == SIZE_MAX ? strlen(message.data) : message.length;
  if (n > MM_MESSAGE - 1) n = MM_MESSAGE - 1;
  memcpy(text, message.data, n);
  ((char *)text)[n] = 0;
}

static void pop_error(void *device, char *message) {
  wgpuDevicePopErrorScope(device, (callback_info){.mode = spontaneous, .callback = (void *)on_error, .userdata1 = message});
}

uint64_t mm_submit(void *device, void *queue, const mm_span *spans, size_t n, void *times, void *src, uint64_t src_offset,
                   void *dst, uint64_t size, char *message) {
  message[0] = 0;
  wgpuDevicePushErrorScope(device, filter_validation);
  void *encoder = wgpuDeviceCreateCommandEncoder(device, NULL);
  if (n > 0) {
    timestamp_writes writes = {.queries = times, .begin = 0, .end = 1};
    pass_descriptor descriptor = {.label = {NULL, SIZE_MAX}, .times = times ? &writes : NULL};
    void *pass = wgpuCommandEncoderBeginComputePass(encoder, &descriptor);
    void *pipeline = NULL;
    for (size_t s = 0; s < n; s++)
      for (size_t i = spans[s].from; i < spans[s].to; i++) {
        const mm_dispatch *d = &spans[s].list[i];
        if (d->pipeline != pipeline) wgpuComputePassEncoderSetPipeline(pass, pipeline = d->pipeline);
        wgpuComputePassEncoderSetBindGroup(pass, 0, d->group, 0, NULL);
        wgpuComputePassEncoderDispatchWorkgroups(pass, d->x, d->y, d->z);
      }
    wgpuComputePassEncoderEnd(pass);
    wgpuComputePassEncoderRelease(pass);
  }
  if (times) wgpuCommandEncoderResolveQuerySet(encoder, times, 0, 2, src, src_offset);
  if (dst) wgpuCommandEncoderCopyBufferToBuffer(encoder, src, src_offset, dst, 0, size);
  void *commands = wgpuCommandEncoderFinish(encoder, NULL);
  pop_error(device, message);
  uint64_t index = 0;
  if (message[0] == 0) {
    wgpuDevicePushErrorScope(device, filter_validation);
    index = wgpuQueueSubmitForIndex(queue, 1, &commands);
    pop_error(device, message);
  }
  wgpuCommandBufferRelease(commands);
  wgpuCommandEncoderRelease(encoder);
  return index;
}

static void on_mapped(uint32_t status, string_view message, void *state, void *unused) {
  (void)message, (void)unused;
  *(int32_t *)state = status == map_success ? 1 : 2;
}

void mm_map(void *buffer, size_t size, int32_t *state) {
  *state = 0;
  wgpuBufferMapAsync(buffer, map_read, 0, size, (callback_info){.mode = spontaneous, .callback = (void *)on_mapped, .userdata1 = state});
}

const void *mm_mapped(void *buffer, size_t size) { return wgpuBufferGetConstMappedRange(buffer, 0, size); }

void mm_unmap(void *buffer) { wgpuBufferUnmap(buffer); }

void *mm_shader(void *device, const char *code, size_t length, char *message) {
  message[0] = 0;
  shader_source source = {.chain = {NULL, type_wgsl}, .code = {code, length}};
  shader_descriptor descriptor = {.next = &source.chain, .label = {NULL, SIZE_MAX}};
  wgpuDevicePushErrorScope(device, filter_validation);
  void *module = wgpuDeviceCreateShaderModuleTrusted(device, &descriptor, bounds_checks);
  pop_error(device, message);
  return module;
}
