"""Wordings of what somebody does something to, or is busy with, that fit one verb alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Of each verb or state direct questions, and clauses.
ACTS: Final[Mapping[str, tuple[str, str]]] = {
    "love": (
        "What {am} {s} passionate about? / What {do} {s} cherish? / What holds a special place in {my} affections?"
        " / What can {s} simply not get enough of? / What {am} {s} crazy about? / For what {do} {s} feel great love?",
        "what {s} {am} passionate about / what {s} {cherish} / what {s} can never get enough of",
    ),
    "like": (
        "What appeals to {whom}? / What {do} {s} have a liking for? / What is to {my} taste? / What {am} {s} keen on?"
        " / What {do} {s} find pleasant? / What meets with {my} approval?",
        "what appeals to {whom} / what is to {my} taste / what {s} {am} keen on",
    ),
    "enjoy": (
        "What gives {whom} pleasure? / What {do} {s} find enjoyable? / In what {do} {s} delight?"
        " / What {do} {s} have a good time with? / What is a source of enjoyment for {whom}?"
        " / What {do} {s} get pleasure from?",
        "what gives {whom} pleasure / what {s} {delight} in / what {s} {find} enjoyable",
    ),
    "adore": (
        "What enchants {whom}? / What {do} {s} think is simply wonderful? / What is the object of {my} adoration?"
        " / What {do} {s} go into raptures over? / What {do} {s} idolize? / What {do} {s} find utterly charming?",
        "what enchants {whom} / what {s} {think} is simply wonderful / what the object of {my} adoration is",
    ),
    "prefer": (
        "What is {my} preference? / Given the choice, what {do} {s} opt for? / What {do} {s} favour?"
        " / What would {s} rather go for? / What {do} {s} like better than the alternatives?"
        " / If it is up to {whom}, what gets picked?",
        "what {my} preference is / what {s} {opt} for when there is a choice / what {s} would rather go for",
    ),
    "hate": (
        "What can {s} not stand? / What {do} {s} detest? / What {do} {s} loathe? / What {do} {s} find unbearable?"
        " / What fills {whom} with disgust or anger? / What is utterly hateful to {whom}?",
        "what {s} cannot stand / what {s} {detest} / what {s} {find} unbearable",
    ),
    "dislike": (
        "What {do} {s} not care for? / What {do} {s} not like? / What {am} {s} not keen on?"
        " / What is not to {my} taste? / What {do} {s} have a distaste for? / What {do} {s} find disagreeable?",
        "what {s} {do} not care for / what is not to {my} taste / what {s} {find} disagreeable",
    ),
    "own": (
        "What belongs to {whom}? / What is in {my} possession? / What {do} {s} possess? / What is {my} property?"
        " / What {do} {s} have the ownership of? / What {am} {s} in possession of?",
        "what belongs to {whom} / what {s} {possess} / what is in {my} possession",
    ),
    "grow": (
        "What {do} {s} cultivate? / What is grown by {whom}? / What {do} {s} plant and watch come up?"
        " / What can be seen growing at {my} place? / What {do} {s} let grow?"
        " / What {do} {s} raise from seed or shoot?",
        "what {s} {cultivate} / what is grown by {whom} / what {s} {plant} and {watch} come up",
    ),
    "bake": (
        "What comes out of {my} oven? / What {do} {s} make in the oven? / What {do} {s} turn flour and dough into?"
        " / What does {my} baking consist of? / What might be cooling on {my} baking tray?",
        "what comes out of {my} oven / what {s} {make} in the oven / what {s} {turn} flour and dough into",
    ),
    "repair": (
        "What {do} {s} fix? / What {do} {s} get working again? / What do people bring {whom} to be fixed?"
        " / What can {s} put right when it is broken? / What works again once {s} {have} seen to it?"
        " / What {do} {s} carry out repairs on?",
        "what {s} {fix} / what {s} {get} working again / what people bring {whom} to be fixed",
    ),
    "restore": (
        "What {do} {s} renovate? / What {do} {s} bring back to former glory?"
        " / What gets a new lease of life from {whom}? / What {do} {s} refurbish? / What {do} {s} rescue from decay?"
        " / What old thing {do} {s} make look as it once did?",
        "what {s} {renovate} / what {s} {bring} back to former glory / what gets a new lease of life from {whom}",
    ),
    "sell": (
        "What can be bought from {whom}? / What {do} {s} deal in? / What {do} {s} offer for sale?"
        " / What goods {do} {s} supply to customers? / What are {my} wares? / What {do} {s} find buyers for?",
        "what can be bought from {whom} / what {s} {deal} in / what {s} {offer} for sale",
    ),
    "paint": (
        "What {do} {s} work on with brush and paint? / What takes shape under {my} brush? / What is painted by {whom}?"
        " / What can be seen in {my} paintings? / With a paintbrush and colours, what {do} {s} turn to?"
        " / What {do} {s} cover or create with paint?",
        "what {s} {work} on with brush and paint / what takes shape under {my} brush / what is painted by {whom}",
    ),
    "wear": (
        "What {do} {s} have on? / What {do} {s} dress in? / What {do} {s} put on in the morning?"
        " / What can usually be seen on {whom}? / What is part of {my} outfit?",
        "what {s} {have} on / what {s} {put} on in the morning / what is part of {my} outfit",
    ),
    "ride": (
        "What {do} {s} sit astride? / What {do} {s} go for rides on? / In the saddle of what would you see {whom}?"
        " / What {do} {s} hop on for a ride? / What {do} {s} mount? / What carries {whom} along in the saddle?",
        "what {s} {sit} astride / what {s} {go} for rides on / what {s} {mount}",
    ),
    "breed": (
        "What {do} {s} raise generation after generation of? / What {do} {s} keep for breeding?"
        " / What does {my} breeding stock consist of? / What is bred by {whom}? / Of what {do} {s} rear the young?",
        "what {s} {raise} generation after generation of / what {s} {keep} for breeding"
        " / what {my} breeding stock consists of",
    ),
    "carve": (
        "What {do} {s} make with a knife or chisel? / What {do} {s} whittle?"
        " / What {do} {s} cut into shape with a blade? / What takes shape under {my} chisel?"
        " / What {do} {s} chisel or cut out of a solid piece?",
        "what {s} {make} with a knife or chisel / what {s} {whittle} / what {s} {cut} into shape with a blade",
    ),
    "brew": (
        "What {do} {s} have steeping or fermenting? / Which beverage {do} {s} make?"
        " / What drink {do} {s} prepare from scratch? / What might be in {my} kettle or vat?"
        " / What {do} {s} pour out once the brewing is over? / What is {my} homemade drink?",
        "what {s} {have} steeping or fermenting / which beverage {s} {make} / what drink {s} {prepare} from scratch",
    ),
    "knit": (
        "What {do} {s} make with needles and wool? / What comes off {my} knitting needles?"
        " / What {do} {s} turn balls of wool into? / What {do} {s} make out of yarn?"
        " / What {do} {s} produce row by row in wool? / With yarn on the needles, what {do} {s} create?",
        "what {s} {make} with needles and wool / what comes off {my} knitting needles"
        " / what {s} {turn} balls of wool into",
    ),
    "sew": (
        "What {do} {s} make with needle and thread? / What {do} {s} stitch together? / What {do} {s} turn cloth into?"
        " / What takes shape under {my} sewing needle? / What {do} {s} make out of fabric?"
        " / What does {my} needlework consist of?",
        "what {s} {make} with needle and thread / what {s} {stitch} together / what {s} {turn} cloth into",
    ),
    "mend": (
        "What {do} {s} patch up? / What {do} {s} make whole again? / What do people leave with {whom} for mending?"
        " / What {do} {s} make usable again after damage? / Which torn or damaged thing {do} {s} set right?"
        " / What {do} {s} save by patching it?",
        "what {s} {patch} up / what {s} {make} whole again / what people leave with {whom} for mending",
    ),
}
STATES: Final[Mapping[str, tuple[str, str]]] = {
    "training for": (
        "What {am} {s} preparing for? / What is the goal of {my} training? / What {am} {s} getting ready for?"
        " / What event {do} {s} have in mind while practising?"
        " / What challenge awaits {whom} once the training is over? / What {am} {s} getting into shape for?",
        "what {s} {am} preparing for / what the goal of {my} training is / what {s} {am} getting ready for",
    ),
    "reading": (
        "Which book {am} {s} in the middle of? / What is {my} current reading?"
        " / What {am} {s} leafing through these days? / What {do} {s} have on the bedside table to read?"
        " / Which book currently holds {my} bookmark? / In what {am} {s} turning the pages at present?",
        "which book {s} {am} in the middle of / what {my} current reading is / what {s} {am} leafing through",
    ),
    "writing": (
        "What {am} {s} putting down on paper? / What text {am} {s} composing? / What is {my} current piece of writing?"
        " / What {am} {s} drafting? / What will there be to read from {my} pen?"
        " / What {am} {s} busy getting into words?",
        "what {s} {am} putting down on paper / what text {s} {am} composing / what {s} {am} drafting",
    ),
    "building": (
        "What {am} {s} constructing? / What {am} {s} putting together? / What is {my} construction project?"
        " / What {am} {s} making from the ground up? / What is under construction at {my} place?"
        " / What {am} {s} assembling piece by piece?",
        "what {s} {am} constructing / what {s} {am} putting together / what {my} construction project is",
    ),
    "working on": (
        "What is {my} current project? / What {am} {s} busy with? / What {do} {s} have in progress?"
        " / What takes up {my} efforts at the moment? / What {am} {s} trying to get done?"
        " / What task {am} {s} engaged in?",
        "what {my} current project is / what {s} {am} busy with / what {s} {have} in progress",
    ),
    "interested in": (
        "What are {my} interests? / What interests {whom}? / Which subject {do} {s} find interesting?"
        " / What arouses {my} curiosity? / What {am} {s} curious about? / What {do} {s} want to know more about?",
        "what interests {whom} / what arouses {my} curiosity / what {s} {find} interesting",
    ),
    "good at": (
        "What are {my} strengths? / What {am} {s} skilled at? / What {do} {s} have a talent for?"
        " / At what {do} {s} excel? / What comes easily to {whom}? / What {do} {s} do well?",
        "what {s} {have} a talent for / what {my} strong point is / what {s} {do} well",
    ),
    "bad at": (
        "What are {my} weaknesses? / What {do} {s} have no talent for? / What {am} {s} hopeless at?"
        " / What {do} {s} struggle with? / What {do} {s} do poorly? / In what {do} {s} lack skill?",
        "what {s} {have} no talent for / what {my} weak point is / what {s} {struggle} with",
    ),
    "proud of": (
        "What fills {whom} with pride? / What {do} {s} take pride in? / What is {my} pride and joy?"
        " / What could {s} boast about? / What is the source of {my} pride? / What makes {whom} feel proud?",
        "what fills {whom} with pride / what {s} {take} pride in / what {my} pride and joy is",
    ),
    "fond of": (
        "What {do} {s} have a soft spot for? / What {am} {s} partial to? / What is dear to {whom}?"
        " / What {do} {s} have a fondness for? / What {am} {s} attached to? / What {do} {s} regard with affection?",
        "what {s} {have} a soft spot for / what {s} {am} partial to / what is dear to {whom}",
    ),
    "saving up for": (
        "What are {my} savings for? / What {am} {s} putting money aside for? / What {do} {s} hope to afford one day?"
        " / What is {my} savings goal? / What will the money in the piggy bank buy {whom}?"
        " / What {do} {s} plan to spend the savings on?",
        "what {my} savings are for / what {s} {am} putting money aside for / what {s} {hope} to afford one day",
    ),
}
