"""The adapter of DG-SCT: mapping of the other stream, latent tokens, channel and spatial gates, bottleneck."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from lookhear.nets.lavish.adapter import Latents, Options, carried


def mapped(y: Float[Tensor, "row n2 other"], over: nn.Conv2d, wide: nn.Linear) -> Float[Tensor, "row n dim"]:
    """The other stream mapped to the number of tokens and width of this one: a matrix over tokens, a map of channels.

    The two maps commute, so the cheaper order is used: `W (A y + b) + c = A (y Wᵀ) + b (W 1)ᵀ + c`.
    """
    matrix, offset = over.weight[:, :, 0, 0], over.bias
    if wide.out_features >= wide.in_features:
        return wide(matrix @ y + offset[:, None])
    return matrix @ (y @ wide.weight.T) + offset[:, None] * wide.weight.sum(dim=1) + wide.bias


class Adapter(Latents):
    """In the published names, "video" is the adapted stream and "audio" the other one, in both directions."""

    def __init__(self, dim: int, tokens: int, other: int, other_tokens: int, options: Options) -> None:
        super().__init__(dim, options)
        self.conv_adapter, self.fc = nn.Conv2d(other_tokens, tokens, 1), nn.Linear(other, dim)
        self.fc_affine_audio_1, self.fc_affine_video_1 = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.fc_affine_audio_2, self.fc_affine_video_2 = nn.Linear(dim, dim // 2), nn.Linear(dim, dim // 2)
        self.fc_affine_bottleneck, self.fc_affine_v_c_att = nn.Linear(dim, dim // 2), nn.Linear(dim // 2, dim)
        self.fc_affine_v_s_att = nn.Linear(dim // 2, 1)

    def forward(self, x: Float[Tensor, "row n dim"], y: Float[Tensor, "row n2 other"]) -> tuple[Tensor, Tensor | None]:
        """(same shape as x, the spatial map (row, 1, n)); no map without latent tokens."""
        if not self.crosses:
            return self.squeezed(x), None
        y = mapped(y, self.conv_adapter, self.fc)
        x = carried(x, y, self.my_tokens, self.gate_av)
        mean = y.mean(dim=1)
        query = (self.fc_affine_audio_1(mean).relu()[:, None] * self.fc_affine_video_1(x).relu()).mean(dim=1)
        channel = self.fc_affine_v_c_att(self.fc_affine_bottleneck(query).relu()).sigmoid()[:, None]
        place = self.fc_affine_video_2((1 + channel) * x).relu() * self.fc_affine_audio_2(mean).relu()[:, None]
        score = self.fc_affine_v_s_att(place)
        gated = x * (0.3 * channel + 0.05 * score.sigmoid() + 0.7)
        return self.squeezed(gated), score.tanh().softmax(dim=1).transpose(1, 2)
