# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pedestrians, cyclists and bicycles, facing +x."""
from __future__ import annotations

import numpy as np

from depth_estimation_ros.synthetic.drawing.mesh import join, Mesh
from depth_estimation_ros.synthetic.drawing.textures import Texture
from depth_estimation_ros.synthetic.things.parts import (
    boxes, limbs, Parts, pick, shade, STRETCHED, upright)

_CLOTHES = np.array([
    (.02, .02, .022), (.035, .037, .042), (.02, .03, .08), (.05, .08, .17), (.10, .14, .22),
    (.12, .12, .12), (.28, .28, .28), (.60, .60, .58), (.35, .03, .03), (.14, .02, .03),
    (.05, .13, .06), (.09, .08, .04), (.30, .22, .12), (.08, .05, .03), (.55, .35, .04),
    (.50, .14, .02), (.30, .10, .20), (.05, .25, .30)])
_TROUSERS = _CLOTHES[:7]
_SKIN = np.array([(.50, .29, .20), (.42, .23, .15), (.30, .16, .09), (.12, .06, .035)])
_HAIR = np.array([(.015, .012, .01), (.05, .03, .018), (.12, .07, .03), (.32, .22, .10),
                  (.35, .34, .33)])


def _clothes(rng) -> np.ndarray:
    return shade(rng, pick(rng, _CLOTHES), .25, .08)


def pedestrian(rng: np.random.Generator) -> Mesh:
    """Return a person on foot, 1.0 to 1.95 m, walking or standing."""
    height = float(np.clip(rng.normal(1.72, .09), 1.5, 1.95))
    if rng.random() < .12:
        height = rng.uniform(1.0, 1.45)
    stride = rng.uniform(.25, .5) if rng.random() < .7 else rng.uniform(0, .08)
    swing = np.array([stride, -stride])
    hip, shoulder = .515 * height, .82 * height
    wide, deep = rng.uniform(.050, .066) * height, rng.uniform(.95, 1.25)
    sides = np.array([1, -1])
    hips = np.stack([np.zeros(2), sides * wide, [hip] * 2], 1)
    knees = hips + np.stack([.24 * height * np.sin(swing + .1), [0, 0],
                             -.24 * height * np.cos(swing)], 1)
    bend = np.where(swing < 0, swing - stride * .7, swing)
    feet = np.stack([knees[:, 0] + .25 * height * np.sin(bend), knees[:, 1],
                     [.035 * height] * 2], 1)
    arms = np.stack([np.zeros(2), sides * .118 * height, [shoulder - .01] * 2], 1)
    elbows = arms + np.stack([-.17 * height * np.sin(swing), sides * .02,
                              [-.17 * height] * 2], 1)
    hands = elbows + np.stack([.15 * height * np.sin(.5 - swing), sides * -.01,
                               [-.14 * height] * 2], 1)
    if rng.random() < .25:
        hands[0] = elbows[0] + [.15 * height, -.03, .05]
    parts = Parts()
    coat = _figure(rng, parts, height, hips, knees, feet, arms, elbows, hands,
                   (0, 0, hip), (.02, 0, shoulder), deep)
    if rng.random() < .3:  # a coat or a skirt over the thighs
        hem = rng.uniform(.26, .42) * height
        parts.add(boxes((0, 0, hem), (.17 * height * deep + stride * .25, .22 * height,
                                      .56 * height - hem), top=False, taper=.8),
                  coat if rng.random() < .7 else _clothes(rng), Texture.ROUGH)
    if rng.random() < .4:
        bag = _clothes(rng)
        spot = (-.12 * height, 0, .58 * height) if rng.random() < .5 else (
            hands[1, 0], hands[1, 1] - .03, hands[1, 2] - .38)
        size = (.15, .28, .42) if spot[1] == 0 else (.32, .12, .34)
        parts.add(boxes(spot, size), bag, Texture.ROUGH)
    return parts.mesh()


def _figure(rng, parts: Parts, height, hips, knees, feet, arms, elbows, hands, waist, neck,
            deep: float) -> np.ndarray:
    """Add a body by its joints, (2, 3) each, left and right; return the jacket's colour."""
    legs, jacket = shade(rng, pick(rng, _TROUSERS), .25), _clothes(rng)
    skin, hair = shade(rng, pick(rng, _SKIN), .1), shade(rng, pick(rng, _HAIR), .2)
    bare = rng.random() < .25
    r = height * deep
    start = np.concatenate([hips, knees, arms, elbows])
    end = np.concatenate([knees, feet, elbows, hands])
    thick = np.repeat([.047, .036, .031, .025], 2) * r
    thin = np.repeat([.036, .025, .026, .019], 2) * r
    color = np.repeat([legs, skin if bare and rng.random() < .5 else legs, jacket,
                       skin if bare else jacket], 2, 0)
    corners, normal = limbs(start, end, thick, thin, sides=4)
    parts.add(corners, np.repeat(color, 4, 0), Texture.ROUGH, normal=normal)
    shoes = feet + np.array([.045, 0, -.035]) * height
    parts.add(boxes(shoes, (.15 * height, .055 * height, .05 * height), taper=(.8, .9)),
              shade(rng, _CLOTHES[0] if rng.random() < .7 else _CLOTHES[7], .3))
    waist, neck = np.asarray(waist, float), np.asarray(neck, float)
    torso, normal = limbs(waist - .02 * (neck - waist), neck, .098 * r, .108 * height, sides=6)
    middle = torso.mean((0, 1))
    flat = np.array([.78, 1.18, 1.0])
    parts.add((torso - middle) * flat + middle, jacket, Texture.ROUGH, normal=normal)
    ring = ((torso - middle) * flat + middle)[:, 3]
    top = neck + (neck - waist) / np.linalg.norm(neck - waist) * .045 * height
    parts.add([[ring[i], ring[(i + 1) % 6], top, top] for i in range(6)], jacket, Texture.ROUGH)
    chin = top + [.012 * height, 0, -.01 * height]
    face, normal = limbs(chin, chin + [.012, 0, .085 * height], .040 * height, .056 * height, 6)
    parts.add(face, skin, normal=normal)
    if rng.random() < .2:
        hair = _clothes(rng)  # a cap
    crown, normal = limbs(chin + [.0, 0, .072 * height], chin + [-.01, 0, .135 * height],
                          .060 * height, .030 * height, 6)
    parts.add(crown, hair, normal=normal)
    lid = crown[:, 3]
    parts.add([[lid[0], lid[1], lid[2], lid[3]], [lid[0], lid[3], lid[4], lid[5]]], hair)
    back = chin + [-.035 * height, 0, rng.uniform(-.04, .03) * height]
    parts.add(boxes(back, (.05 * height, .085 * height, .09 * height), top=False), hair)
    return jacket


def _cycle(rng, parts: Parts, steer: float) -> dict[str, np.ndarray]:
    """Add a bicycle and return where its rider's body touches it."""
    radius, base = rng.uniform(.32, .36), rng.uniform(1.0, 1.1)
    color = _clothes(rng)
    seat_high, bar_high = rng.uniform(.86, 1.0), rng.uniform(.92, 1.12)
    c, s = np.cos(steer), np.sin(steer)
    for x, (a, b) in ((base / 2, (c, s)), (-base / 2, (1., 0.))):
        parts.add(upright(x - a * radius, -b * radius, x + a * radius, b * radius, 0,
                          2 * radius), (.5, .5, .5), Texture.BIKE_WHEEL, STRETCHED)
    rear, front = np.array([-base / 2, 0, radius]), np.array([base / 2, 0, radius])
    crank = np.array([-.08, 0, .28])
    saddle = np.array([-.22, 0, seat_high])
    head = np.array([base / 2 - .2, 0, bar_high - .14])
    grip = np.array([base / 2 - .3, .29, bar_high])
    low = head - [-.05, 0, .2]
    step = rng.random() < .4  # a step-through frame
    knot = crank + .75 * (saddle - crank)
    corners, normal = limbs([rear, rear, crank, knot if not step else crank + [.03, 0, .1], crank,
                             front],
                            [crank, knot, saddle, head if not step else low, low, head],
                            .018, sides=3)
    parts.add(corners, color, normal=normal, gloss=.2)
    corners, normal = limbs([grip, head], [grip * [1, -1, 1], (grip + grip * [1, -1, 1]) / 2],
                            .016, sides=3)
    parts.add(corners, (.03, .03, .03), normal=normal)
    parts.add(boxes(saddle, (.26, .15, .06)), (.02, .02, .02))
    if rng.random() < .5:
        parts.add(boxes((-base / 2, 0, 2 * radius + .03), (.4, .14, .02)), (.05, .05, .05))
        if rng.random() < .5:
            parts.add(boxes((-base / 2, 0, 2 * radius - .25), (.34, .4, .3)), _clothes(rng))
    return {'saddle': saddle + [0, 0, .1], 'crank': crank, 'grip': grip}


def bicycle(rng: np.random.Generator) -> Mesh:
    """Return a bicycle without a rider, or up to six side by side along y."""
    many = int(rng.choice([1, 2, 4, 6], p=[.45, .2, .2, .15]))
    row = []
    for i in range(many):
        parts = Parts()
        _cycle(rng, parts, rng.normal(0, .3))
        row.append(parts.mesh().placed(y=(i - (many - 1) / 2) * rng.uniform(.5, .65),
                                       yaw=rng.normal(0, .12)))
    return join(row)


def cyclist(rng: np.random.Generator) -> Mesh:
    """Return a rider on a bicycle."""
    parts = Parts()
    touch = _cycle(rng, parts, rng.normal(0, .05))
    height = float(np.clip(rng.normal(1.73, .08), 1.55, 1.92))
    turn, lean = rng.uniform(0, 2 * np.pi), rng.uniform(.25, .8)
    sides = np.array([1., -1])
    feet = touch['crank'] + np.stack([.17 * np.cos(turn) * sides, sides * .1,
                                      .17 * np.sin(turn) * sides + .03], 1)
    hips = touch['saddle'] + np.stack([[0, 0], sides * .09, [0, 0]], 1)
    between = (hips + feet) / 2
    reach = np.linalg.norm(feet - hips, axis=1) / 2
    bulge = np.sqrt(np.maximum(.01, (.25 * height) ** 2 - reach ** 2))
    across = feet - hips
    ahead = np.stack([-across[:, 2], np.zeros(2), across[:, 0]], 1)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    knees = between + bulge[:, None] * ahead
    neck = touch['saddle'] + .31 * height * np.array([np.sin(lean), 0, np.cos(lean)])
    arms = neck + np.stack([[0, 0], sides * .118 * height, [-.01] * 2], 1)
    hands = touch['grip'] * np.stack([[1, 1], sides, [1, 1]], 1)
    elbows = (arms + hands) / 2 + np.stack([[-.05] * 2, sides * .06, [-.08] * 2], 1)
    _figure(rng, parts, height, hips, knees, feet, arms, elbows, hands, touch['saddle'], neck,
            rng.uniform(.95, 1.15))
    return parts.mesh()
