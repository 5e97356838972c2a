# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A scene in its light: linear colour and exact depth for any pinhole cameras, in torch."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
import math

import numpy as np
import torch
import torch.nn.functional as F

from depth_estimation_ros.synthetic.drawing import raster
from depth_estimation_ros.synthetic.drawing.light import Light
from depth_estimation_ros.synthetic.drawing.mesh import Mesh
from depth_estimation_ros.synthetic.drawing.textures import (
    CUTOUTS, draw_atlas, LEVELS, noise, PICTURE, SIZE, Texture)

SHADOW_PIXELS, SHADOW_METRES = 640, 110.0
SKY_PIXELS, SKY_METRES = 256, 110.0  # the map of what covers the sky from above
FOLIAGE = frozenset((Texture.LEAVES, Texture.LEAVES_SPARSE, Texture.NEEDLES, Texture.FOLIAGE,
                     Texture.GRASS))
LIFT = 0.05  # how much nearer a lift of one metre counts
# In a room: the sun's map, a lamp's map and its half field of view, and how far corners darken.
ROOM_METRES, LAMP_PIXELS, LAMP_TANGENT, CORNER = 36.0, 224, 2.7, 0.45


@dataclass(frozen=True, eq=False)
class Views:
    """
    F pinhole cameras of one size.

    rotation: (F, 3, 3) world to optical frame. position: (F, 3) metres. camera: (F, 4) fx, fy,
    cx, cy in pixels.
    """

    rotation: torch.Tensor
    position: torch.Tensor
    camera: torch.Tensor
    width: int
    height: int


class Renderer:
    """Draws scenes on a device, with surfaces that were drawn once from `seed`."""

    def __init__(self, seed: int = 0, device: str | torch.device = 'cpu'):
        self.device = torch.device(device)
        self._atlas = draw_atlas(seed)
        self._texels = self._tensor(self._atlas.texels)
        rng = np.random.default_rng([seed, 0xC10])
        self._wide = self._tensor(np.stack([noise(rng, 1.5, 256) for _ in range(4)]))
        offsets = np.cumsum([0] + [(SIZE >> level) ** 2 for level in range(LEVELS - 1)])
        self._level_offset = self._tensor(offsets)
        self._level_size = self._tensor(np.array([SIZE >> level for level in range(LEVELS)]))

    def _tensor(self, array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def scene(self, mesh: Mesh, light: Light, focus: tuple[float, float, float]) -> Scene:
        """Return a scene ready to be seen; shadows fall within 55 m around `focus`."""
        return Scene(self, mesh, light, focus)

    def texels(self, base, variations, uv, footprint) -> torch.Tensor:
        """Return (N, 6) texels at cell coordinates (N, 2); footprint: cells a pixel."""
        cell = uv.floor()
        part = uv - cell
        hashed = (cell[:, 0].long() * 7349 + cell[:, 1].long() * 3571 + base).abs()
        picture = torch.where(variations > 1, (hashed >> 3) % variations, 0) * PICTURE
        level = (footprint * SIZE).clamp(min=1).log2().round().long().clamp(max=LEVELS - 1)
        size = self._level_size.index_select(0, level)
        x, y = (part * size[:, None]).long().clamp(min=0).minimum(size[:, None] - 1).unbind(1)
        first = base + picture
        found = self._texels.index_select(
            0, first + self._level_offset.index_select(0, level) + y * size + x)
        close = (footprint * SIZE < 0.5).nonzero()[:, 0]  # one would see the texels
        if len(close):
            place = part.index_select(0, close) * SIZE - 0.5
            low = place.floor()
            (a, b), (x, y) = (place - low).unbind(1), low.long().unbind(1)
            row = first.index_select(0, close)

            def at(dx, dy):
                return self._texels.index_select(0, row + (y + dy) % SIZE * SIZE + (x + dx) % SIZE)

            found[close] = torch.lerp(torch.lerp(at(0, 0), at(1, 0), a[:, None]),
                                      torch.lerp(at(0, 1), at(1, 1), a[:, None]), b[:, None])
        return found

    def wide_noise(self, x: torch.Tensor, y: torch.Tensor, layer: int) -> torch.Tensor:
        """Return smooth noise of period 1 in x and y, mean 0, deviation 1."""
        n = self._wide.shape[-1]
        u, v = x * n, y * n
        u0, v0 = u.floor(), v.floor()
        a, b = u - u0, v - v0
        u0, v0 = u0.long() % n, v0.long() % n
        u1, v1 = (u0 + 1) % n, (v0 + 1) % n
        field = self._wide[layer].reshape(-1)

        def at(row, column):
            return field.index_select(0, row * n + column)

        return ((at(v0, u0) * (1 - a) + at(v0, u1) * a) * (1 - b)
                + (at(v1, u0) * (1 - a) + at(v1, u1) * a) * b)


class Scene:
    """A mesh in a light, with its shadows."""

    def __init__(self, renderer: Renderer, mesh: Mesh, light: Light, focus):
        self._r = renderer
        tensor = renderer._tensor
        atlas = renderer._atlas
        self.light = light
        self.corners, self.lift = tensor(mesh.corners), tensor(1 + LIFT * mesh.lift)
        n = len(mesh)
        # What a point needs to know of its quad, in one row: one gather is one pass over memory.
        self._place = tensor(np.concatenate(
            [mesh.corners[:, 0], mesh.axes.reshape(n, 6), mesh.offset], 1))
        self._look = tensor(np.concatenate(
            [mesh.normal, mesh.color, mesh.gloss[:, None],
             np.linalg.norm(mesh.axes, axis=-1).max(1, keepdims=True)], 1))
        self._scale = self._look[:, 7].contiguous()
        self._bent = tensor(mesh.bend.any((1, 2)))
        self._bend = tensor(np.concatenate([mesh.corners.mean(1), mesh.bend.reshape(n, 6)], 1))
        kind = mesh.texture
        style = (np.abs(mesh.color).sum(1) * 9973.7).astype(np.int64) % atlas.styles[kind]
        self.base = tensor(atlas.first[kind] + style * atlas.variations[kind] * PICTURE)
        self.variations = tensor(atlas.variations[kind])
        self.cutout = tensor(np.isin(kind, list(CUTOUTS)))
        self.foliage = tensor(np.isin(kind, list(FOLIAGE)))
        self._sun = tensor(np.array(light.sun, np.float32))
        self._focus = tensor(np.array(focus, np.float32))
        self._sun_metres = ROOM_METRES if light.lamps else SHADOW_METRES
        self._sun_turn = tensor(_turn_towards(-np.array(light.sun)))
        self._down_turn = tensor(np.array([[1, 0, 0], [0, 1, 0], [0, 0, -1]], np.float32))

    @cached_property
    def _shadow(self) -> torch.Tensor | None:
        """How far from the sun the first thing is, None under an overcast sky."""
        if max(self.light.sun_color) <= 0:
            return None
        return self._map(self._sun_turn, self._sun_metres, SHADOW_PIXELS)

    @cached_property
    def _top(self) -> torch.Tensor:
        """How high the highest thing is at each place."""
        top = -self._map(self._down_turn, SKY_METRES, SKY_PIXELS) + self._focus[2]
        return F.avg_pool2d(top[None, None].clamp(min=-50), 3, 1, 1)[0, 0]

    def _map(self, turn: torch.Tensor, metres: float, size: int) -> torch.Tensor:
        """Return the distance along the axis to what comes first, (size, size), inf = nothing."""
        projected = raster.parallel(self.corners, turn, self._focus, metres, size)

        def solid(entry, u, v, closeness):
            keep, chosen, quad = self._holes(projected, entry)
            u, v, away = (t.index_select(0, chosen) for t in (u, v, -closeness))
            place = torch.stack([(u - (size - 1) / 2) * (metres / size),
                                 (v - (size - 1) / 2) * (metres / size), away], -1)
            keep[chosen] = self._cover(quad, place @ turn + self._focus,
                                       torch.full_like(away, metres / size), u, v)
            return keep.nonzero()[:, 0]

        shown, closeness = raster.nearest(projected, 1, size, size, solid=solid)
        return torch.where(shown[0] >= 0, -closeness[0], math.inf)

    def _holes(self, projected, entry):
        """Return where there can be no hole (bool), indices of the others, and their quads."""
        cutout = self.cutout[projected.quad].index_select(0, entry)
        chosen = cutout.nonzero()[:, 0]
        return ~cutout, chosen, projected.quad.index_select(0, entry.index_select(0, chosen))

    def _uv(self, quad: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        place = self._place.index_select(0, quad)
        away = points - place[:, :3]
        return torch.stack([(place[:, 3:6] * away).sum(1), (place[:, 6:9] * away).sum(1)],
                           1) + place[:, 9:]

    def _cover(self, quad, points, pixel, u, v) -> torch.Tensor:
        """Return where cutouts are solid at `points`, at a pixel of that many metres."""
        footprint = self._scale.index_select(0, quad) * pixel
        cover = self._r.texels(
            self.base.index_select(0, quad), self.variations.index_select(0, quad),
            self._uv(quad, points), footprint)[:, 4]
        threshold = 0.2 + 0.6 * ((u * 0.7548777 + v * 0.5698403) % 1)  # dithered edges
        return cover > threshold

    def depth_and_reflectance(self, views: Views) -> tuple[torch.Tensor, torch.Tensor]:
        """Return depth along Z (F, H, W) in metres, inf = sky, and how bright surfaces are."""
        shown, depth = self._see(views)
        bright = self._look[:, 3:6].mean(1).index_select(0, shown.view(-1).clamp(min=0))
        return depth, bright.view(depth.shape)

    def render(self, views: Views) -> tuple[torch.Tensor, torch.Tensor]:
        """Return linear colour (F, H, W, 3) and depth along Z (F, H, W) in metres, inf = sky."""
        shown, depth = self._see(views)
        count, height, width = depth.shape
        picture, v, u = torch.meshgrid(
            *(torch.arange(n, device=self._r.device) for n in (count, height, width)),
            indexing='ij')
        rays = _rays(views, picture.reshape(-1), u.reshape(-1).float(), v.reshape(-1).float())
        away = rays / rays.norm(dim=-1, keepdim=True)
        color = self.sky(away)
        index = (shown.view(-1) >= 0).nonzero()[:, 0]
        z = depth.view(-1).index_select(0, index)
        where = picture.reshape(-1).index_select(0, index)
        rays, away = rays.index_select(0, index), away.index_select(0, index)
        points = views.position.index_select(0, where) + z[:, None] * rays
        corners = (self._corners(views, depth, points, index).index_select(0, index)
                   if self.light.lamps else None)
        color[index] = self._shade(shown.view(-1).index_select(0, index), points, away,
                                   z / views.camera[:, 0].index_select(0, where),
                                   z * rays.norm(dim=-1), corners)
        return color.view(count, height, width, 3), depth

    def _see(self, views: Views) -> tuple[torch.Tensor, torch.Tensor]:
        """Return which quad each pixel shows (-1 = none) and its depth, (F, H, W)."""
        width, height, count = views.width, views.height, len(views.camera)
        projected = raster.perspective(self.corners, views.rotation, views.position,
                                       views.camera, width, height)
        focal = views.camera[:, 0].contiguous()

        def solid(entry, u, v, closeness):
            keep, chosen, quad = self._holes(projected, entry)
            picture = projected.picture.index_select(0, entry.index_select(0, chosen))
            u, v = (t.index_select(0, chosen).float() for t in (u, v))
            depth = 1 / closeness.index_select(0, chosen)
            points = views.position.index_select(0, picture) + depth[:, None] * _rays(
                views, picture, u, v)
            keep[chosen] = self._cover(quad, points, depth / focal.index_select(0, picture), u, v)
            return (keep & (closeness < 1 / raster.NEAR)).nonzero()[:, 0]

        entry, closeness = raster.nearest(projected, count, width, height,
                                          self.lift.index_select(0, projected.quad), solid)
        depth = torch.where(entry >= 0, 1 / closeness.clamp(min=1e-5), math.inf)
        index = (entry.view(-1) >= 0).nonzero()[:, 0]
        quad = torch.full_like(entry, -1)
        quad.view(-1)[index] = projected.quad.index_select(
            0, entry.view(-1).index_select(0, index))
        return quad, depth

    def _corners(self, views: Views, depth, points, index) -> torch.Tensor:
        """Return how much of what is around pixels (F * H * W) is open, 0..1, by their depth."""
        count, height, width = depth.shape
        place = torch.full((count * height * width, 3), math.inf, device=depth.device)
        place[index] = points
        place = place.view(count, height, width, 3)
        across = place.roll(-1, 2) - place.roll(1, 2)
        down = place.roll(-1, 1) - place.roll(1, 1)
        normal = F.normalize(torch.cross(down, across, dim=-1).nan_to_num(0, 0, 0), dim=-1)
        normal = torch.where(((place - views.position[:, None, None]) * normal).sum(
            -1, keepdim=True).nan_to_num(0, 0, 0) > 0, -normal, normal)
        rows = torch.arange(height, device=depth.device)[None, :, None]
        cols = torch.arange(width, device=depth.device)[None, None, :]
        first = torch.arange(count, device=depth.device)[:, None, None] * (height * width)
        reach = (views.camera[:, 0, None, None] * CORNER / depth).clamp(2, width / 6)
        closed = 0.0
        for i in range(8):
            turn, far = 2.4 * i, (0.25, 0.5, 0.75, 1.0)[i % 4]
            u = (cols + reach * far * math.cos(turn)).long().clamp(0, width - 1)
            v = (rows + reach * far * math.sin(turn)).long().clamp(0, height - 1)
            other = place.view(-1, 3).index_select(
                0, (first + v * width + u).view(-1)).view_as(place) - place
            away = other.norm(dim=-1).clamp(min=1e-3)
            above = ((other * normal).sum(-1) / away - 0.1).clamp(min=0)
            closed = closed + (above * (CORNER * 2 / away).clamp(max=1) ** 2).nan_to_num(0, 0, 0)
        return (1 - closed / 5).clamp(min=0.25).view(-1)

    @cached_property
    def _lamps(self) -> list[tuple]:
        """Return of each lamp its Views (one picture), inverse depth map and colour."""
        found = []
        for lamp in self.light.lamps:
            turn = torch.from_numpy(_turn_towards(np.array(lamp.towards)))
            focal = LAMP_PIXELS / 2 / LAMP_TANGENT
            middle = (LAMP_PIXELS - 1) / 2
            views = Views(*(torch.as_tensor(value, dtype=torch.float32,
                                            device=self._r.device)[None] for value in (
                turn, lamp.position, (focal, focal, middle, middle))), LAMP_PIXELS, LAMP_PIXELS)
            projected = raster.perspective(self.corners, views.rotation, views.position,
                                           views.camera, LAMP_PIXELS, LAMP_PIXELS)
            shown, closeness = raster.nearest(projected, 1, LAMP_PIXELS, LAMP_PIXELS)
            found.append((views, torch.where(shown[0] >= 0, closeness[0], 0.0),
                          self._vector(lamp.color)))
        return found

    def _from_lamps(self, points, normal) -> torch.Tensor:
        """Return the light (N, 3) that lamps send to points."""
        light = torch.zeros_like(points)
        for views, table, color in self._lamps:
            seen = (points + 0.03 * normal - views.position) @ views.rotation[0].T
            z = seen[:, 2].clamp(min=0.05)
            away = seen.norm(dim=-1).clamp(min=0.2)
            facing = -((points - views.position[0]) * normal).sum(-1) / away
            focal, middle = views.camera[0, 0], views.camera[0, 2]
            lit = 0.0
            for du, dv in ((-0.9, -0.4), (0.9, -0.6), (0.1, 1.0), (0.0, 0.0)):
                u, v = ((seen[:, i] / z * focal + middle + d).round().long()
                        for i, d in ((0, du), (1, dv)))
                inside = (u >= 0) & (v >= 0) & (u < LAMP_PIXELS) & (v < LAMP_PIXELS)
                first = table.view(-1).index_select(0, (v.clamp(0, LAMP_PIXELS - 1) * LAMP_PIXELS
                                                        + u.clamp(0, LAMP_PIXELS - 1)))
                lit = lit + (~inside | (1 / z > first * (0.97 - 0.02 / z))).float() / 4
            lobe = (seen[:, 2] / away).clamp(min=0) * facing.clamp(min=0) / away ** 2
            light += (lobe * lit)[:, None] * color
        return light

    def _shade(self, quad, points, away, pixel, distance, corners=None) -> torch.Tensor:
        light, sun = self.light, self._sun
        vector = self._vector
        look = self._look.index_select(0, quad)
        normal, own_color, foliage = (
            look[:, :3], look[:, 3:6], self.foliage.index_select(0, quad))
        facing = (normal * away).sum(-1)
        away_from_us = (facing > 0) & ~self.cutout.index_select(0, quad)
        normal = torch.where(away_from_us[:, None], -normal, normal)
        round_ = self._bent.index_select(0, quad).nonzero()[:, 0]
        if len(round_):
            bend = self._bend.index_select(0, quad.index_select(0, round_))
            out = points.index_select(0, round_) - bend[:, :3]
            turn = sum(b * (b * out).sum(-1, keepdim=True) for b in (bend[:, 3:6], bend[:, 6:]))
            turn = torch.where(away_from_us.index_select(0, round_)[:, None], -turn, turn)
            normal[round_] = F.normalize(normal.index_select(0, round_) + turn, dim=-1)
        facing = (normal * away).sum(-1).abs()
        texel = self._r.texels(self.base.index_select(0, quad),
                               self.variations.index_select(0, quad), self._uv(quad, points),
                               look[:, 7] * pixel / facing.clamp(min=0.25).sqrt())
        tint = texel[:, 3:4]
        dirt = self._r.wide_noise((points[:, 0] + points[:, 2]) / 37, (points[:, 1]) / 37, 0)
        albedo = texel[:, :3] * (1 - tint + tint * own_color)
        albedo = albedo * (1 + 0.07 * dirt)[:, None]

        turned = (normal * sun).sum(-1)
        direct = torch.where(foliage, 0.35 + 0.5 * turned, turned).clamp(min=0)
        lit = self._lit(points, normal)
        direct = direct * lit
        up = normal[:, 2]
        if corners is None:
            open_sky = self._open(points)
            sky = vector(light.zenith) * 0.55 + vector(light.horizon) * 0.45
            ambient = sky * ((0.62 + 0.38 * up) * open_sky)[:, None]
            ambient = ambient + 0.22 * (vector(light.sun_color) * max(light.sun[2], 0.0) * 0.5
                                        + sky) * ((0.5 - 0.5 * up) * open_sky)[:, None] * 0.6
        else:
            # What has no roof above, beyond the windows, is in the light of the day.
            top, known = _sampled(self._top, (points - self._focus)[:, :2], SKY_METRES, 0, 0)
            outside = (~known | (top < points[:, 2] + 0.12)).float()[:, None]
            open_sky, sky = corners, vector(light.ambient)
            day = vector(light.zenith) * 0.55 + vector(light.horizon) * 0.45
            ambient = torch.lerp(sky * ((0.9 + 0.1 * up) * open_sky)[:, None]
                                 + self._from_lamps(points, normal),
                                 day * (0.62 + 0.38 * up)[:, None], outside)
        color = albedo * (ambient + vector(light.sun_color) * direct[:, None])

        gloss = look[:, 6].maximum(texel[:, 5])
        mirror = (gloss > 0.02).nonzero()[:, 0]
        if len(mirror):
            n, d = normal[mirror], away[mirror]
            bounced = d - 2 * (d * n).sum(-1, keepdim=True) * n
            around = (self._mirrored(bounced, points[mirror], sky) if corners is None else
                      self._mirrored_inside(bounced, points[mirror]))
            fresnel = 0.06 + 0.94 * (1 - facing[mirror]).clamp(0, 1) ** 5
            part = (gloss[mirror] * (0.12 + fresnel)).clamp(0, 1)[:, None]
            shine = ((bounced * sun).sum(-1).clamp(min=0) ** 80 * lit[mirror])[:, None]
            around = around * (0.3 + 0.7 * open_sky[mirror, None])
            color[mirror] = (color[mirror] * (1 - part) + around * part
                             + shine * vector(light.sun_color) * gloss[mirror, None] * 1.5)
        air = torch.exp(-light.fog * distance)[:, None]
        return color * air + vector(light.fog_color) * (1 - air)

    def _mirrored(self, away, points, sky) -> torch.Tensor:
        """Return about what light (N, 3) comes from `away`: of sky, houses, trees and road."""
        turn = torch.atan2(away[:, 1], away[:, 0]) / (2 * math.pi)
        place = (points[:, 0] + points[:, 1]) / 90 + self.light.seed % 991 / 991
        dark = self._r.wide_noise(2 * turn, place, 3)
        # How high what stands around reaches, from a plain to a narrow street; ragged.
        high = 0.05 + 0.4 * (self.light.seed % 97 / 97) + 0.13 * dark + (
            0.04 * self._r.wide_noise(9 * turn, place, 2))
        up = away[:, 2]
        sun = self._vector(self.light.sun_color) * max(self.light.sun[2], 0.0)
        color = (0.13 + 0.04 * dark).clamp(min=0.03)[:, None] * (sky + 0.4 * sun)
        above = self.sky(torch.cat([away[:, :2], up[:, None].clamp(min=0)], -1), False)
        color = torch.lerp(color, above, ((up - high) * 15 + 0.5).clamp(0, 1)[:, None])
        # A road; what it mirrors beside its foot lies in its own shadow.
        road = (0.13 * (1 + 1.5 * up.clamp(-0.5, 0)))[:, None] * (sky + 0.8 * sun)
        return torch.lerp(color, road, (0.5 - up * 25).clamp(0, 1)[:, None])

    def _mirrored_inside(self, away, points) -> torch.Tensor:
        """Return about what light (N, 3) comes from `away` in a room: of walls and lamps."""
        turn = torch.atan2(away[:, 1], away[:, 0]) / (2 * math.pi)
        walls = (0.45 + 0.2 * self._r.wide_noise(2 * turn, away[:, 2], 3)).clamp(min=0.05)
        color = walls[:, None] * self._vector(self.light.ambient)
        for views, _, lamp in self._lamps:
            to = F.normalize(views.position[0] - points, dim=-1)
            color = color + 0.3 * ((to * away).sum(-1).clamp(min=0) ** 300)[:, None] * lamp
        return color

    def _vector(self, values: tuple[float, ...]) -> torch.Tensor:
        return torch.tensor(values, device=self._r.device)

    def _lit(self, points, normal) -> torch.Tensor:
        """Return how much of the sun reaches points, 0..1."""
        if self._shadow is None:
            return torch.zeros_like(points[:, 0])
        # The map's pixels are coarse: what the sun grazes would shadow itself.
        turned = (normal @ self._sun)[:, None]
        coarse = self._sun_metres / SHADOW_METRES
        place = (points + coarse * (0.08 + 0.2 * (1 - turned.abs())) * normal * turned.sign()
                 - self._focus) @ self._sun_turn.T
        lit = 0.0
        for du, dv in ((0.0, 0.0), (0.6, 0.3), (-0.3, 0.6)):
            first, inside = _sampled(self._shadow, place[:, :2], self._sun_metres, du, dv)
            lit = lit + (~inside | (place[:, 2] < first + 0.12 * coarse)).float()
        return lit / 3

    def _open(self, points) -> torch.Tensor:
        """Return how much of the sky points see, about: 1 in the open, less under and beside."""
        place = points - self._focus
        cover = 0.0
        for i, reach in enumerate((0.0, 1.2, 1.2, 1.2, 4.0, 4.0, 4.0, 4.0)):
            angle = 2.1 * i
            shift = torch.tensor([reach * math.cos(angle), reach * math.sin(angle)],
                                 device=points.device)
            top, inside = _sampled(self._top, place[:, :2] + shift, SKY_METRES, 0, 0)
            above = (top - points[:, 2] - 0.25) / (reach + 0.6)
            cover = cover + torch.where(inside, above.clamp(0, 1), 0.0) * (
                1.4 if reach == 0 else 0.8 if reach < 2 else 0.5)
        return torch.exp(-0.36 * cover)

    def sky(self, away: torch.Tensor, disc: bool = True) -> torch.Tensor:
        """Return the sky's linear colour in directions (N, 3)."""
        light = self.light
        vector = self._vector
        up = away[:, 2].clamp(min=0)
        color = torch.lerp(vector(light.horizon), vector(light.zenith), (up ** 0.6)[:, None])
        if light.cloud > 0:
            plane = away[:, :2] / (up + 0.12)[:, None] * 0.07
            shift = (light.seed % 997) / 997
            field = self._r.wide_noise(plane[:, 0] + shift, plane[:, 1] + 1.7 * shift, 1)
            fine = self._r.wide_noise(plane[:, 0] * 5 + shift, plane[:, 1] * 5, 2)
            amount = ((field + 0.35 * fine - 1.6 + 3.2 * light.cloud) * 1.2).clamp(0, 1)
            shade = (1 - 0.18 * amount + 0.08 * fine)[:, None]
            color = torch.lerp(color, vector(light.cloud_color) * shade, amount[:, None] * 0.95)
        if disc and max(light.sun_color) > 0:
            near = (away @ self._sun).clamp(min=0)
            glow = (light.glare * (0.5 * near ** 8 + 2 * near ** 60) + 30 * near ** 2500)
            color = color + vector(light.sun_color) * glow[:, None]
        haze = math.exp(-light.fog * 1500)  # the air up to the clouds
        return color * haze + vector(light.fog_color) * (1 - haze)


def looking(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the rotation (3, 3) from the world to a camera's optical frame; radians (REP 103)."""
    forward = np.array([math.cos(yaw) * math.cos(pitch), math.sin(yaw) * math.cos(pitch),
                        -math.sin(pitch)])
    right = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
    down = np.cross(forward, right)
    c, s = math.cos(roll), math.sin(roll)
    return np.stack([c * right + s * down, c * down - s * right, forward])


def _rays(views: Views, picture, u, v) -> torch.Tensor:
    """Return world directions (N, 3), of length 1 along Z, of pixels u, v of `picture` (N,)."""
    table = torch.cat([views.camera, views.rotation.reshape(-1, 9)], 1)
    row = table.index_select(0, picture)
    x = ((u - row[:, 2]) / row[:, 0])[:, None]
    y = ((v - row[:, 3]) / row[:, 1])[:, None]
    return x * row[:, 4:7] + y * row[:, 7:10] + row[:, 10:]


def _sampled(table: torch.Tensor, place: torch.Tensor, metres: float, du: float, dv: float):
    size = table.shape[0]
    spot = place * (size / metres) + (size - 1) / 2
    x, y = (spot[:, 0] + du).round().long(), (spot[:, 1] + dv).round().long()
    inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
    value = table.view(-1).index_select(
        0, y.clamp(0, size - 1) * size + x.clamp(0, size - 1))
    return value, inside


def _turn_towards(direction: np.ndarray) -> np.ndarray:
    """Return a rotation (3, 3) whose third row is `direction`."""
    third = direction / np.linalg.norm(direction)
    first = np.cross(third, [0, 0, 1] if abs(third[2]) < 0.95 else [0, 1, 0])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(third, first), third]).astype(np.float32)
