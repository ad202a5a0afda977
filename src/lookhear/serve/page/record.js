// Recording a clip with the camera and the microphone.

import { $, guarded } from "./tools.js";

/** Record until the button is pressed, and give the recording to `bring`. */
export async function record(bring) {
  await guarded(async () => {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("This browser cannot record here: it needs https or localhost.");
    const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true })
      .catch(() => navigator.mediaDevices.getUserMedia({ audio: true }))
      .catch(() => { throw new Error("No camera or microphone may be used."); });
    const kind = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"].find((k) => MediaRecorder.isTypeSupported(k));
    const recorder = new MediaRecorder(stream, kind ? { mimeType: kind } : undefined);
    const pieces = [];
    let wanted = true;
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = () => {
      stream.getTracks().forEach((track) => track.stop());
      $("recorder").hidden = true;
      $("camera").srcObject = null;
      if (wanted) bring(new Blob(pieces, { type: recorder.mimeType }), "recording.webm");
    };
    $("camera").srcObject = stream;
    $("camera").play().catch(() => {});
    $("recorder").hidden = false;
    $("record-stop").onclick = () => recorder.stop();
    $("record-cancel").onclick = () => { wanted = false; recorder.stop(); };
    recorder.start(1000);
    $("record-stop").focus();
  });
}
