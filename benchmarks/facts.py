"""Fifty personal facts as a person would tell them, and questions about them in wordings made by hand.

Of each: what is said, what an answer must hold, three wordings of the question, and a question in like words about
something else. The wordings were not made by the patterns that a sleep words its examples with; those that a sleep has
trained on all the same are left out by the benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fact:
    said: str
    key: str
    asked: tuple[str, str, str]
    neighbour: str


def _fact(said: str, key: str, one: str, two: str, three: str, neighbour: str) -> Fact:
    return Fact(said, key, (one, two, three), neighbour)


# fmt: off
FACTS: Final = (
    _fact("My dog is called Pepperjack.", "Pepperjack", "What do I shout when I call my dog?", "Which name did we give to the dog I have?", "Please name my dog.", "What is my cat called?"),
    _fact("I live in Tromso.", "Tromso", "Do you remember which city I live in?", "In what town is my home?", "Which place do I call home?", "Where does my uncle live?"),
    _fact("My sister is called Marguerite.", "Marguerite", "Who is my sister?", "Say the name of my sister, please.", "How is my sister called?", "What is my aunt called?"),
    _fact("I work as a lighthouse keeper.", "lighthouse keeper", "Which job do I have?", "How do I earn my money?", "What is it that I do at work?", "What does a plumber do?"),
    _fact("My favourite colour is ochre.", "ochre", "Which colour do I like best?", "If I painted my room, which colour would I love most?", "Name the colour that I like most.", "What is your favourite animal?"),
    _fact("I am allergic to walnuts.", "walnuts", "Which food should I avoid because of my allergy?", "What makes me ill when I eat it?", "Name the thing I have an allergy to.", "What is a common allergy in children?"),
    _fact("My birthday is the ninth of March.", "ninth of March", "On which day was I born?", "When should you congratulate me?", "Which date is my birthday on?", "When is Christmas?"),
    _fact("I drive an old blue Volvo.", "Volvo", "Which car do I have?", "What stands in my garage?", "Name the car that I use.", "What does a bus driver drive?"),
    _fact("I play the bassoon.", "bassoon", "Which instrument do I play?", "What do I make music with?", "Name my instrument.", "What is a violin?"),
    _fact("My brother lives in Lisbon.", "Lisbon", "In which city does my brother live?", "Where would I have to go to visit my brother?", "Name the place where my brother has his home.", "Where does my boss live?"),
    _fact("My boat is called Albatross.", "Albatross", "Which name is painted on my boat?", "Please name my boat.", "How did I christen my boat?", "What is my bicycle called?"),
    _fact("I collect antique thimbles.", "thimbles", "What kind of things are in my collection?", "What do I look for at flea markets for my collection?", "Name the things that I collect.", "What do museums collect?"),
    _fact("I was born in Cordoba.", "Cordoba", "In which city was I born?", "Which town do I come from by birth?", "Name the city of my birth.", "Where was Einstein born?"),
    _fact("My daughter studies marine biology.", "marine biology", "Which subject does my daughter study?", "What is my daughter's field at university?", "Name the subject of my daughter's studies.", "What does my nephew study?"),
    _fact("I am afraid of escalators.", "escalators", "Which thing frightens me?", "What scares me?", "Name what I am frightened of.", "What are cats afraid of?"),
    _fact("My neighbour is called Mr Quimby.", "Quimby", "Who lives next door to me?", "Say the name of my neighbour, please.", "How is the man next door called?", "What is my dentist called?"),
    _fact("I drink peppermint tea every morning.", "peppermint tea", "What is my usual drink in the morning?", "What is in my cup at breakfast?", "Name my morning drink.", "What do people drink in England?"),
    _fact("My horse is called Saffron.", "Saffron", "Which name does my horse have?", "Please name my horse.", "How is my horse called?", "What is my parrot called?"),
    _fact("I am learning Icelandic.", "Icelandic", "Which language am I learning?", "What do I study in the evenings, which language?", "Name the language I am trying to learn.", "What language is spoken in Brazil?"),
    _fact("My shoe size is forty-three.", "forty-three", "How large are my shoes?", "Which size do I need when I buy shoes?", "Name the size of my shoes.", "What is my hat size?"),
    _fact("My son is called Leopold.", "Leopold", "Who is my son?", "Please name my son.", "How is my boy called?", "What is my nephew called?"),
    _fact("My mother lives in Bergamo.", "Bergamo", "In which city does my mother live?", "Where would I have to go to visit my mother?", "Name the place where my mother has her home.", "Where does my dentist live?"),
    _fact("I work at a glass factory.", "glass factory", "Which place do I work at?", "Where do I go to work in the morning?", "Name my workplace.", "Where do nurses work?"),
    _fact("My favourite food is pumpkin risotto.", "pumpkin risotto", "Which dish do I like best?", "What should you cook for me?", "Name the meal that I like most.", "What is your favourite song?"),
    _fact("I am afraid of thunder.", "thunder", "Which noise frightens me?", "What scares me at night?", "Name what makes me afraid.", "What are dogs afraid of?"),
    _fact("My cat is called Bramble.", "Bramble", "Which name does my cat have?", "Please name my cat.", "How is my cat called?", "What is my goldfish called?"),
    _fact("I grew up in Ljubljana.", "Ljubljana", "In which city did I spend my childhood?", "Where was I a child?", "Name the town of my youth.", "Where did Mozart grow up?"),
    _fact("My teacher is called Dr Okafor.", "Okafor", "Who teaches me?", "Say the name of my teacher, please.", "How is my teacher called?", "What is my doctor called?"),
    _fact("I collect old maps.", "maps", "What kind of things are in my collection?", "What can you find a lot of in my house, as I collect them?", "Name the things that I collect.", "What do stamp collectors collect?"),
    _fact("My favourite season is autumn.", "autumn", "Which season do I like best?", "In which part of the year am I happiest?", "Name the season that I like most.", "What is the coldest season?"),
    _fact("I ride a red tandem.", "tandem", "Which kind of bicycle do I have?", "On what do I ride through the town?", "Name the thing that I ride.", "What does a cowboy ride?"),
    _fact("My husband is called Thaddeus.", "Thaddeus", "Who is my husband?", "Whom did I marry?", "Please name my husband.", "What is my cousin called?"),
    _fact("I speak Welsh at home.", "Welsh", "Which language do I use at home?", "In which language do I talk to my family?", "Name the language of my home.", "What language is spoken in Austria?"),
    _fact("My lucky number is seventeen.", "seventeen", "Which number brings me luck?", "On which number would I bet?", "Name the number that I think lucky.", "What is your lucky colour?"),
    _fact("My village is called Hollowdale.", "Hollowdale", "Which name does my village have?", "Please name my village.", "How is the village called where I am from?", "What is the capital of Spain called?"),
    _fact("I study archaeology.", "archaeology", "Which subject do I study?", "What is my field at university?", "Name the subject of my studies.", "What does a botanist study?"),
    _fact("My grandmother lives in Reykjavik.", "Reykjavik", "In which city does my grandmother live?", "Where would I have to go to visit my grandmother?", "Name the place where my grandmother has her home.", "Where does my landlord live?"),
    _fact("I am allergic to penicillin.", "penicillin", "Which medicine should I avoid?", "What must a doctor never give me?", "Name the thing I have an allergy to.", "What is an allergy?"),
    _fact("My best friend is called Ignatius.", "Ignatius", "Who is my best friend?", "Please name my best friend.", "How is my best friend called?", "What is my boss called?"),
    _fact("I bake rye bread on Sundays.", "rye bread", "What comes out of my oven on Sundays?", "What do I make at the weekend?", "Name what I bake.", "What does a confectioner bake?"),
    _fact("My wedding day is the second of June.", "second of June", "When is my wedding?", "On which day do I get married?", "Which date is my wedding on?", "When is Halloween?"),
    _fact("My band is called Tin Harbour.", "Tin Harbour", "Which name does my band have?", "Please name my band.", "Under which name do we play on stage?", "What is my football club called?"),
    _fact("I paint watercolours.", "watercolours", "Which kind of pictures do I make?", "What do I do with my brushes?", "Name what I paint.", "What did Van Gogh paint?"),
    _fact("My uncle works as a beekeeper.", "beekeeper", "Which job does my uncle have?", "How does my uncle earn his money?", "Name my uncle's job.", "What does a carpenter do?"),
    _fact("My rabbit is called Nutmeg.", "Nutmeg", "Which name does my rabbit have?", "Please name my rabbit.", "How is my rabbit called?", "What is my hamster called?"),
    _fact("I am training for a triathlon.", "triathlon", "Which contest am I training for?", "What is all my sport meant for?", "Name the race that I prepare for.", "What do sprinters train for?"),
    _fact("My favourite writer is Tove Jansson.", "Tove Jansson", "Which writer do I like best?", "Whose books do I love most?", "Name the writer that I like most.", "Who wrote Don Quixote?"),
    _fact("I keep six hens.", "hens", "Which animals do I have?", "What runs about in my garden?", "Name the animals that I keep.", "What do shepherds keep?"),
    _fact("My street is called Lantern Row.", "Lantern Row", "Which name does my street have?", "Please name my street.", "What stands on the sign in my street?", "What is my school called?"),
    _fact("I come from Valparaiso.", "Valparaiso", "From which city do I come?", "Which place am I from?", "Name the place that I am from.", "Where does pizza come from?"),
)
# fmt: on
