/**
 * Frequent English words: with a space before it each is one token in the usual byte-pair and sentence-piece
 * vocabularies. Which of them are, in the engine at hand, is tried before they are used.
 */
export const WORDS: readonly string[] =
  `the of and to in is for that on was with as it by be at from are this have or an not which but one had were all
they their has would there been if more when will who so what up out about into than some could them other then
its only time two may first any my now such like our over man me even most made after also did many off before
must well back through years where much your way down should because long each just state those people too mr
how little good world make very year still see work life men being under day same another while last might us
great old against go came both right use house since house during without again place around however home found
part once general high upon school every war public number small water fact always left until far night almost
head number side system set several large early given point group second better face nothing form others social
power business country possible white next room room light week family half family door big whole near full
level order open action interest less mind real free problem book field area close money air company church least
service force cost result question history study hand human turn city name party important term change eyes data
best program local death paper course table office market rate board car sense feel story body road food art land
view love care help word line job age idea game top value stage type plan able true test text model river music
north south east west green black red blue king son fish bank blood`
    .split(/\s+/)
    .filter((word, i, all) => all.indexOf(word) === i)

/** One token each where a vocabulary holds little more than bytes. */
export const LETTERS: readonly string[] = [...'abcdefghijklmnopqrstuvwxyz']
