// The part of the browser's backend that runs in JavaScript: what must not cross over from Go call by call (one
// submission encodes hundreds of dispatches), and what JavaScript tells by events and promises. backend_js.go evaluates
// it, and calls it with the device.
(device) => {
  const queue = device.queue;
  const spans = []; // what the next submission dispatches
  const ends = []; // promises of the ends of the last submissions, the newest last

  const backend = {
    lost: "", // why the device was lost
    closed: false, // the program itself gave the device back
    error: "", // the first error that no error scope caught

    // Adds a dispatch to a list.
    add(list, pipeline, group, x, y, z) {
      list.push({ pipeline, group, x, y, z });
    },

    // Adds the dispatches [from, to) of a list to the next submission.
    enqueue(list, from, to) {
      spans.push({ list, from, to });
    },

    // Submits what is enqueued and then, if there is a slot, a copy to it, and asks for its mapping.
    submit(source, offset, slot, size) {
      const encoder = device.createCommandEncoder();
      if (spans.length > 0) {
        const pass = encoder.beginComputePass();
        let pipeline = null;
        for (const { list, from, to } of spans) {
          for (let i = from; i < to; i++) {
            const d = list[i];
            if (d.pipeline !== pipeline) pass.setPipeline((pipeline = d.pipeline));
            pass.setBindGroup(0, d.group);
            pass.dispatchWorkgroups(d.x, d.y, d.z);
          }
        }
        pass.end();
        spans.length = 0;
      }
      if (slot) encoder.copyBufferToBuffer(source, offset, slot.buffer, 0, size);
      queue.submit([encoder.finish()]);
      const end = queue.onSubmittedWorkDone();
      end.catch(() => {}); // told to those who wait for it, or by device.lost
      ends.push(end);
      if (ends.length > 4) ends.shift();
      if (slot) backend.map(slot);
    },

    // slot.state is 0 on its way, 1 mapped, with its bytes in slot.data, 2 failed; slot.ready is kept when it is not 0.
    map(slot) {
      slot.state = 0;
      slot.ready = slot.buffer.mapAsync(GPUMapMode.READ).then(() => {
        slot.data = new Uint8Array(slot.buffer.getMappedRange()); // throws if the device has been destroyed since
        slot.state = 1;
      }).catch((reason) => backend.fail(slot, reason.message));
    },

    // Marks that a slot's bytes did not arrive, or went with the device.
    async fail(slot, why) {
      // When a GPU process dies the mapping fails first; its device is known to be lost a little later.
      await Promise.race([device.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
      slot.state = 2;
      slot.error = why;
    },

    // A promise that is kept when at most n submissions are in flight, n from 0 to 3.
    finished(n) {
      return n === 0 ? queue.onSubmittedWorkDone() : ends[ends.length - 1 - n];
    },

    // Ends n error scopes; the promise is for the first error's message, or "".
    async popErrors(n) {
      const errors = await Promise.all(Array.from({ length: n }, () => device.popErrorScope()));
      return errors.find((e) => e !== null)?.message ?? "";
    },
  };

  device.lost.then((info) => {
    if (!backend.closed) backend.lost = info.message || "for a reason that the browser does not tell";
  });
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault(); // it is reported by the next Wait
    backend.error ||= event.error.message;
  });
  return backend;
}
